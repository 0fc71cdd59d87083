#include "stats/metrics.h"

#include <string>

#include "stats/metric_table.h"

namespace crisp {
namespace {

using Metrics = google::protobuf::RepeatedPtrField<cri::Metric>;

// What every metric is labelled with.
struct CommonLabel {
  const char* key;
  std::string MetricLabels::*value;
};
constexpr CommonLabel kCommonLabels[] = {
    {"container", &MetricLabels::container},
    {"id", &MetricLabels::id},
    {"image", &MetricLabels::image},
    {"name", &MetricLabels::name},
    {"namespace", &MetricLabels::pod_namespace},
    {"pod", &MetricLabels::pod},
};

void AddValue(const MetricInfo& info, const MetricFacts& facts, uint64_t value, MetricSink::Labels own,
              Metrics* metrics) {
  cri::Metric& metric = *metrics->Add();
  metric.set_name(info.name);
  metric.set_timestamp(facts.at);
  metric.set_metric_type(info.type);
  metric.mutable_value()->set_value(value / static_cast<uint64_t>(info.unit));
  for (const CommonLabel& label : kCommonLabels) metric.add_label_values(facts.labels.*label.value);
  for (absl::string_view label : own) metric.add_label_values(std::string(label));
}

void AddMetrics(const MetricFacts& facts, Metrics* metrics) {
  for (const MetricInfo& info : MetricTable()) {
    const auto take = [&](uint64_t value, MetricSink::Labels own) { AddValue(info, facts, value, own, metrics); };
    info.read(facts, MetricSink(take));
  }
}

}  // namespace

std::vector<cri::MetricDescriptor> MetricDescriptors() {
  std::vector<cri::MetricDescriptor> descriptors;
  descriptors.reserve(MetricTable().size());
  for (const MetricInfo& info : MetricTable()) {
    cri::MetricDescriptor& descriptor = descriptors.emplace_back();
    descriptor.set_name(info.name);
    descriptor.set_help(info.help);
    for (const CommonLabel& label : kCommonLabels) descriptor.add_label_keys(label.key);
    for (const char* label : info.labels) {
      if (label != nullptr) descriptor.add_label_keys(label);
    }
  }
  return descriptors;
}

std::vector<cri::PodSandboxMetrics> MetricMessages(const std::vector<PodMetricFacts>& pods) {
  std::vector<cri::PodSandboxMetrics> messages;
  messages.reserve(pods.size());
  for (const PodMetricFacts& pod : pods) {
    cri::PodSandboxMetrics& message = messages.emplace_back();
    message.set_pod_sandbox_id(pod.id);
    AddMetrics(pod.pod, message.mutable_metrics());
    for (const MetricFacts& container : pod.containers) {
      cri::ContainerMetrics& of_container = *message.add_container_metrics();
      of_container.set_container_id(container.labels.name);
      AddMetrics(container, of_container.mutable_metrics());
    }
  }
  return messages;
}

}  // namespace crisp
