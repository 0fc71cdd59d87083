// MetricsPage: all metrics in Prometheus' text format; prometheus-cpp 1.0 has no serializer for OpenMetrics.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "monitor/http_page.h"

namespace prometheus {
class Collectable;
}  // namespace prometheus

namespace crisp {

// Appends metrics that are text already.
using MetricText = std::function<void(std::string* text)>;

// Each of `sources` is asked when the page is. They are shared with the page. What `more` appends comes last; it may be
// empty.
HttpPage MetricsPage(std::vector<std::shared_ptr<prometheus::Collectable>> sources, MetricText more = nullptr);

}  // namespace crisp
