// Families of metrics for prometheus::Collectable: values that are read when they are asked for.
//
// Plain functions, callable from any thread.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "base/counters.h"

namespace crisp {

using SeriesLabels = std::vector<prometheus::ClientMetric::Label>;

// Without values.
prometheus::MetricFamily Family(std::string name, std::string help, prometheus::MetricType type);

// Adds a value to a family of gauges or counters.
void AddValue(prometheus::MetricFamily* family, double value, SeriesLabels labels = {});
// Adds a histogram to a family of histograms.
void AddTimes(prometheus::MetricFamily* family, const TimeCounts& times, SeriesLabels labels = {});

// Families of one value.
prometheus::MetricFamily Gauge(std::string name, std::string help, double value);
prometheus::MetricFamily Count(std::string name, std::string help, double value);
prometheus::MetricFamily Count(std::string name, std::string help, const Counter& counter);
prometheus::MetricFamily Times(std::string name, std::string help, const TimeCounts& times);
// A family of counters with one label.
prometheus::MetricFamily CountBy(const std::string& label, std::string name, std::string help,
                                 const CountsByLabel<Counter>& counts);

}  // namespace crisp
