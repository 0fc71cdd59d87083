#include "stats/pod_metrics.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "os/cgroup_core.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/status_message.h"
#include "stats/metrics.h"
#include "stats/process_usage.h"

namespace crisp {
namespace {

constexpr int64_t kNanos = 1'000'000'000;

MetricLabels LabelsOf(const PodRecord& pod, const std::string& cgroup) {
  MetricLabels labels;
  labels.id = cgroup;
  labels.pod = pod.config().metadata().name();
  labels.pod_namespace = pod.config().metadata().namespace_();
  return labels;
}

std::string CgroupPathOf(const std::string& cgroups_path, bool systemd) {
  return systemd ? cgroup::SystemdScopePath(cgroups_path) : cgroups_path;
}

MetricLabels LabelsOf(const PodRecord& pod, const ContainerRecord& container, bool systemd) {
  MetricLabels labels = LabelsOf(pod, CgroupPathOf(container.cgroups_path(), systemd));
  const cri::ImageSpec& image = container.config().image();
  labels.container = container.config().metadata().name();
  labels.image = image.user_specified_image().empty() ? image.image() : image.user_specified_image();
  labels.name = container.id();
  return labels;
}

// The first process counts only while the cgroup still has it: its pid may be another's by now.
std::optional<uint64_t> DescriptorLimitOf(const Container& container, const std::vector<pid_t>& pids) {
  const pid_t first = container.view().pid;
  return std::find(pids.begin(), pids.end(), first) == pids.end() ? std::nullopt : DescriptorLimit(first);
}

void AddContainer(Sampler* sampler, const PodSample& pod, const ContainerSample& sample,
                  const LayerFileSystem& file_system, cri::ContainerMetrics* metrics) {
  metrics->set_container_id(sample.container->id());
  const MetricLabels labels = LabelsOf(pod.record, sample.record, pod.pod->runtime().systemd_cgroup);
  MetricWriter writer(labels, sample.reading->at, metrics->mutable_metrics());
  writer.AddUsage(sample.reading->usage);
  if (const auto details = sampler->DetailsOf(sample)) {
    writer.AddDetails(*details);
    writer.AddProcesses(UsageOfProcesses(details->pids), DescriptorLimitOf(*sample.container, details->pids));
  }
  if (sample.layer) writer.AddLayer(*sample.layer, file_system);
  writer.AddLimits(ResourcesOf(sample.record));
  const LogLoss loss = sample.container->log_loss.Get();
  writer.Add(MetricId::kLogLostBytes, loss.bytes);
  writer.Add(MetricId::kLogLostLines, loss.lines);
  writer.Add(MetricId::kStartTime, static_cast<uint64_t>(sample.record.started_at() / kNanos));
  writer.Add(MetricId::kLastSeen, static_cast<uint64_t>(sample.reading->at / kNanos));
}

void AddPod(const PodSample& sample, cri::PodSandboxMetrics* metrics) {
  const int64_t now = WallNanos();
  metrics->set_pod_sandbox_id(sample.record.id());
  const std::string path = CgroupPathOf(sample.record.cgroups_path(), sample.pod->runtime().systemd_cgroup);
  MetricWriter writer(LabelsOf(sample.record, path.substr(0, path.rfind('/'))), now, metrics->mutable_metrics());
  if (sample.reading) writer.AddUsage(sample.reading->usage);
  writer.AddLinks(sample.links);
  writer.Add(MetricId::kLastSeen, static_cast<uint64_t>(now / kNanos));
}

}  // namespace

std::vector<cri::PodSandboxMetrics> MetricsOf(Sampler* sampler, const std::vector<PodSample>& samples,
                                              const std::string& layers_directory) {
  const LayerFileSystem file_system = FileSystemOf(layers_directory);
  std::vector<cri::PodSandboxMetrics> all;
  all.reserve(samples.size());
  for (const PodSample& sample : samples) {
    cri::PodSandboxMetrics& metrics = all.emplace_back();
    AddPod(sample, &metrics);
    for (const ContainerSample& container : sample.containers) {
      if (container.reading) AddContainer(sampler, sample, container, file_system, metrics.add_container_metrics());
    }
  }
  return all;
}

}  // namespace crisp
