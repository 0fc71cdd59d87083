#include "monitor/read_values.h"

#include <limits>
#include <utility>

namespace crisp {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily Family(std::string name, std::string help, MetricType type) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

void AddValue(MetricFamily* family, double value, SeriesLabels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family->type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family->metric.push_back(std::move(metric));
}

void AddTimes(MetricFamily* family, const TimeCounts& times, SeriesLabels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  for (size_t i = 0; i <= TimeCounts::kBounds.size(); ++i) {
    const bool last = i == TimeCounts::kBounds.size();
    const double bound = last ? std::numeric_limits<double>::infinity() : TimeCounts::kBounds[i];
    metric.histogram.sample_count += times.count(i);
    metric.histogram.bucket.push_back({metric.histogram.sample_count, bound});
  }
  metric.histogram.sample_sum = times.seconds();
  family->metric.push_back(std::move(metric));
}

MetricFamily Gauge(std::string name, std::string help, double value) {
  MetricFamily family = Family(std::move(name), std::move(help), MetricType::Gauge);
  AddValue(&family, value);
  return family;
}

MetricFamily Count(std::string name, std::string help, double value) {
  MetricFamily family = Family(std::move(name), std::move(help), MetricType::Counter);
  AddValue(&family, value);
  return family;
}

MetricFamily Count(std::string name, std::string help, const Counter& counter) {
  return Count(std::move(name), std::move(help), static_cast<double>(counter.value()));
}

MetricFamily Times(std::string name, std::string help, const TimeCounts& times) {
  MetricFamily family = Family(std::move(name), std::move(help), MetricType::Histogram);
  AddTimes(&family, times);
  return family;
}

MetricFamily CountBy(const std::string& label, std::string name, std::string help,
                     const CountsByLabel<Counter>& counts) {
  MetricFamily family = Family(std::move(name), std::move(help), MetricType::Counter);
  counts.ForEach([&](const std::string& value, const Counter& counter) {
    AddValue(&family, static_cast<double>(counter.value()), {{label, value}});
  });
  return family;
}

}  // namespace crisp
