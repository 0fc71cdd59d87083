#include "monitor/metrics_page.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <iterator>
#include <utility>

namespace crisp {
namespace {

constexpr char kTextFormat[] = "text/plain; version=0.0.4; charset=utf-8";

HttpAnswer Render(const std::vector<std::shared_ptr<prometheus::Collectable>>& sources, const MetricText& more) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& source : sources) {
    std::vector<prometheus::MetricFamily> own = source->Collect();
    families.insert(families.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  }
  HttpAnswer answer{200, kTextFormat, prometheus::TextSerializer().Serialize(families)};
  if (more) more(&answer.body);
  return answer;
}

}  // namespace

HttpPage MetricsPage(std::vector<std::shared_ptr<prometheus::Collectable>> sources, MetricText more) {
  return [sources = std::move(sources), more = std::move(more)] { return Render(sources, more); };
}

}  // namespace crisp
