// ListPodSandboxMetrics: what the stats read, and some more files, as metrics.
#include <utility>

#include "base/clock.h"
#include "os/cgroup_core.h"
#include "sandbox/metrics.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_manager.h"
#include "sandbox/stats_message.h"
#include "sandbox/status.h"

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

}  // namespace

cri::PodSandboxMetrics PodManager::MetricsOf(const MeasuredPod& pod, const std::map<std::string, int>& pods_in_cgroup,
                                             const LayerFileSystem& file_system) {
  const bool systemd = pod.pod->runtime().systemd_cgroup;
  const int64_t now = WallNanos();
  cri::PodSandboxMetrics metrics;
  metrics.set_pod_sandbox_id(pod.record.id());
  const std::string path = CgroupPathOf(pod.record.cgroups_path(), systemd);
  MetricWriter of_pod(LabelsOf(pod.record, path.substr(0, path.rfind('/'))), now, metrics.mutable_metrics());
  if (const auto reading = ReadPod(pod, pods_in_cgroup)) of_pod.AddUsage(reading->usage);
  of_pod.AddLinks(pod.pod->meter.ReadLinks(pod.record.netns_path()));
  of_pod.Add(MetricId::kLastSeen, static_cast<uint64_t>(now / kNanos));

  for (const Measured& one : pod.containers) {
    if (!one.reading) continue;
    cri::ContainerMetrics& of_one = *metrics.add_container_metrics();
    of_one.set_container_id(one.container->id());
    MetricWriter writer(LabelsOf(pod.record, one.record, systemd), one.reading->at, of_one.mutable_metrics());
    writer.AddUsage(one.reading->usage);
    // It is open: the reading above has opened it.
    const auto details = one.container->meter.ReadDetails([] { return cgroup::Dirs(); });
    if (details) writer.AddDetails(*details);
    if (one.layer) writer.AddLayer(*one.layer, file_system);
    writer.AddLimits(ResourcesOf(one.record));
    writer.Add(MetricId::kStartTime, static_cast<uint64_t>(one.record.started_at() / kNanos));
    writer.Add(MetricId::kLastSeen, static_cast<uint64_t>(one.reading->at / kNanos));
  }
  return metrics;
}

std::vector<cri::PodSandboxMetrics> PodManager::ListPodMetrics() {
  const LayerFileSystem file_system = FileSystemOf(layout_.Containers());
  const std::map<std::string, int> pods_in_cgroup = PodsInCgroups();
  std::vector<cri::PodSandboxMetrics> metrics;
  for (const MeasuredPod& pod : MeasureContainersOf(ReadyPods())) {
    metrics.push_back(MetricsOf(pod, pods_in_cgroup, file_system));
  }
  return metrics;
}

}  // namespace crisp
