// What containers and pods use. A reading costs a few preads of files that stay open and, for a pod, one question to
// its network namespace; no shim is asked and nothing runs between two readings.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_manager.h"
#include "sandbox/stats_message.h"
#include "sandbox/status.h"

namespace crisp {
namespace {

// The first network's interface in every pod, as the plugins are told (network.h).
constexpr char kDefaultInterface[] = "eth0";

cgroup::Dirs DirsOf(const std::string& cgroups_path, bool systemd) {
  auto dirs = ContainerCgroups(cgroups_path, systemd);
  return dirs.ok() ? *std::move(dirs) : cgroup::Dirs();
}

template <typename Config, typename Attributes>
void FillAttributes(const std::string& id, const Config& config, Attributes* attributes) {
  attributes->set_id(id);
  *attributes->mutable_metadata() = config.metadata();
  *attributes->mutable_labels() = config.labels();
  *attributes->mutable_annotations() = config.annotations();
}

}  // namespace

std::vector<PodManager::PodPtr> PodManager::ReadyPods() {
  std::vector<PodPtr> ready;
  for (const PodPtr& pod : Pods()) {
    if (pod->created() && pod->ready()) ready.push_back(pod);
  }
  return ready;
}

void PodManager::AddRunning(const PodPtr& pod, const cri::ContainerStatsFilter& filter, std::vector<Measured>* all) {
  for (const ContainerPtr& container : pod->containers()) {
    if (!container->created() || !absl::StartsWith(container->id(), filter.id())) continue;
    const cri::ContainerState state = container->view().state;
    if (state == cri::CONTAINER_EXITED) container->meter.Close();
    if (state != cri::CONTAINER_RUNNING) continue;
    ContainerRecord record = container->record();
    if (HasLabels(record.config().labels(), filter.label_selector())) {
      all->push_back({pod, container, std::move(record), {}, {}});
    }
  }
}

void PodManager::SortMeasured(std::vector<Measured>* all) {
  std::sort(all->begin(), all->end(), [](const Measured& a, const Measured& b) {
    return std::pair(a.record.created_at(), a.record.id()) < std::pair(b.record.created_at(), b.record.id());
  });
}

void PodManager::Measure(const std::vector<Measured*>& all) {
  std::vector<LayerUsage::Layer> layers;
  layers.reserve(all.size());
  for (const Measured* one : all) layers.push_back({one->container->id(), layout_.Upper(one->container->id())});
  const std::vector<std::optional<LayerUsage::Measured>> usages = layer_usage_.Get(layers);
  for (size_t i = 0; i < all.size(); ++i) {
    Measured& one = *all[i];
    one.layer = usages[i];
    if (!one.container->running()) continue;
    one.reading =
        one.container->meter.Read([&] { return DirsOf(one.record.cgroups_path(), one.pod->runtime().systemd_cgroup); });
  }
}

cri::FilesystemUsage PodManager::WritableLayers() {
  std::vector<LayerUsage::Layer> layers;
  for (const PodPtr& pod : Pods()) {
    for (const ContainerPtr& container : pod->containers()) {
      if (container->created()) layers.push_back({container->id(), layout_.Upper(container->id())});
    }
  }
  LayerUsage::Measured sum{{}, WallNanos()};
  for (const std::optional<LayerUsage::Measured>& one : layer_usage_.Get(layers)) {
    if (!one) continue;
    sum.usage.bytes += one->usage.bytes;
    sum.usage.inodes += one->usage.inodes;
    sum.at = std::min(sum.at, one->at);
  }
  cri::FilesystemUsage message;
  FillLayer(sum, layout_.Containers(), &message);
  return message;
}

std::vector<PodManager::MeasuredPod> PodManager::MeasureContainersOf(const std::vector<PodPtr>& pods) {
  std::vector<MeasuredPod> measured;
  measured.reserve(pods.size());
  for (const PodPtr& pod : pods) {
    MeasuredPod& one = measured.emplace_back(MeasuredPod{pod, pod->record(), {}});
    AddRunning(pod, {}, &one.containers);
    SortMeasured(&one.containers);
  }
  std::sort(measured.begin(), measured.end(), [](const MeasuredPod& a, const MeasuredPod& b) {
    return std::pair(a.record.created_at(), a.record.id()) < std::pair(b.record.created_at(), b.record.id());
  });
  std::vector<Measured*> all;
  for (MeasuredPod& pod : measured) {
    for (Measured& one : pod.containers) all.push_back(&one);
  }
  Measure(all);
  return measured;
}

cri::ContainerStats PodManager::StatsOf(const Measured& measured) const {
  cri::ContainerStats stats;
  FillAttributes(measured.container->id(), measured.record.config(), stats.mutable_attributes());
  if (measured.reading) FillUsage(*measured.reading, &stats);
  if (measured.layer) FillLayer(*measured.layer, layout_.Containers(), stats.mutable_writable_layer());
  return stats;
}

absl::StatusOr<cri::ContainerStats> PodManager::ContainerStats(const std::string& container_id) {
  ASSIGN_OR_RETURN(Found found, FindContainer(container_id));
  Measured one{found.pod, found.container, found.container->record(), {}, {}};
  Measure({&one});
  return StatsOf(one);
}

std::vector<cri::ContainerStats> PodManager::ListContainerStats(const cri::ContainerStatsFilter& filter) {
  std::vector<Measured> all;
  for (const PodPtr& pod : Pods()) {
    if (absl::StartsWith(pod->id(), filter.pod_sandbox_id())) AddRunning(pod, filter, &all);
  }
  SortMeasured(&all);
  std::vector<Measured*> pointers;
  for (Measured& one : all) pointers.push_back(&one);
  Measure(pointers);
  std::vector<cri::ContainerStats> stats;
  stats.reserve(all.size());
  for (const Measured& one : all) stats.push_back(StatsOf(one));
  return stats;
}

std::map<std::string, int> PodManager::PodsInCgroups() {
  std::map<std::string, int> pods;
  for (const PodPtr& pod : ReadyPods()) ++pods[pod->cgroup_name()];
  return pods;
}

std::optional<MeterReading> PodManager::ReadPod(const MeasuredPod& measured,
                                                const std::map<std::string, int>& pods_in_cgroup) {
  const auto& [pod, record, containers] = measured;
  const bool systemd = pod->runtime().systemd_cgroup;
  const std::string name = PodCgroupName(record, systemd);
  const auto sharing = pods_in_cgroup.find(name);
  if (!name.empty() && (sharing == pods_in_cgroup.end() || sharing->second == 1)) {
    return pod->meter.Read([&record = record, systemd] { return PodCgroups(record, systemd); });
  }
  const auto pause =
      pod->pause_meter.Read([&record = record, systemd] { return DirsOf(record.cgroups_path(), systemd); });
  if (!pause) return std::nullopt;
  MeterReading sum;
  AddUsage(*pause, &sum);
  for (const Measured& one : containers) {
    if (one.reading) AddUsage(*one.reading, &sum);
  }
  return sum;
}

std::vector<cri::PodSandboxStats> PodManager::MeasurePods(const std::vector<PodPtr>& pods) {
  const std::map<std::string, int> pods_in_cgroup = PodsInCgroups();
  std::vector<cri::PodSandboxStats> all;
  all.reserve(pods.size());
  for (const MeasuredPod& pod : MeasureContainersOf(pods)) {
    cri::PodSandboxStats& stats = all.emplace_back();
    FillAttributes(pod.record.id(), pod.record.config(), stats.mutable_attributes());
    for (const Measured& one : pod.containers) *stats.mutable_linux()->add_containers() = StatsOf(one);
    if (pod.pod->ready()) FillPod(pod, ReadPod(pod, pods_in_cgroup), stats.mutable_linux());
  }
  return all;
}

void PodManager::FillPod(const MeasuredPod& pod, const std::optional<MeterReading>& reading,
                         cri::LinuxPodSandboxStats* stats) {
  if (!reading) return;
  if (reading->usage.cpu_nanos) FillCpu(*reading, stats->mutable_cpu());
  if (reading->usage.memory) FillMemory(*reading, stats->mutable_memory());
  if (reading->usage.io_pressure) FillIo(*reading, stats->mutable_io());
  if (reading->usage.tasks) {
    stats->mutable_process()->set_timestamp(reading->at);
    stats->mutable_process()->mutable_process_count()->set_value(*reading->usage.tasks);
  }
  const std::vector<LinkReading> links = pod.pod->meter.ReadLinks(pod.record.netns_path());
  if (!links.empty()) FillNetwork(links, kDefaultInterface, reading->at, stats->mutable_network());
}

absl::StatusOr<cri::PodSandboxStats> PodManager::PodStats(const std::string& pod_id) {
  ASSIGN_OR_RETURN(const PodPtr pod, FindPod(pod_id));
  return std::move(MeasurePods({pod}).front());
}

std::vector<cri::PodSandboxStats> PodManager::ListPodStats(const cri::PodSandboxStatsFilter& filter) {
  std::vector<PodPtr> pods = ReadyPods();
  std::erase_if(pods, [&](const PodPtr& pod) {
    if (!absl::StartsWith(pod->id(), filter.id())) return true;
    return !filter.label_selector().empty() && !HasLabels(pod->record().config().labels(), filter.label_selector());
  });
  return MeasurePods(pods);
}

}  // namespace crisp
