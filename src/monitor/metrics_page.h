// MetricsPage: all metrics in Prometheus' text format; prometheus-cpp 1.0 has no serializer for OpenMetrics.
#pragma once

#include <memory>
#include <vector>

#include "monitor/http_page.h"

namespace prometheus {
class Collectable;
}  // namespace prometheus

namespace crisp {

// Each of `sources` is asked when the page is. They are shared with the page.
HttpPage MetricsPage(std::vector<std::shared_ptr<prometheus::Collectable>> sources);

}  // namespace crisp
