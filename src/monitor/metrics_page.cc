#include "monitor/metrics_page.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <iterator>
#include <utility>

namespace crisp {
namespace {

constexpr char kTextFormat[] = "text/plain; version=0.0.4; charset=utf-8";

HttpAnswer Render(const std::vector<std::shared_ptr<prometheus::Collectable>>& sources) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& source : sources) {
    std::vector<prometheus::MetricFamily> more = source->Collect();
    families.insert(families.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return {200, kTextFormat, prometheus::TextSerializer().Serialize(families)};
}

}  // namespace

HttpPage MetricsPage(std::vector<std::shared_ptr<prometheus::Collectable>> sources) {
  return [sources = std::move(sources)] { return Render(sources); };
}

}  // namespace crisp
