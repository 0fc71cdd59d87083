#include "stats/sampler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "base/clock.h"
#include "base/log.h"
#include "os/cgroup.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_log.h"
#include "stats/selector.h"
#include "stats/stats_message.h"

namespace crisp {
namespace {

cgroup::Dirs DirsOf(const std::string& cgroups_path, bool systemd) {
  auto dirs = ContainerCgroups(cgroups_path, systemd);
  return dirs.ok() ? *std::move(dirs) : cgroup::Dirs();
}

template <typename Sample>
void SortSamples(std::vector<Sample>* samples) {
  std::sort(samples->begin(), samples->end(), [](const Sample& a, const Sample& b) {
    return std::pair(a.record.created_at(), a.record.id()) < std::pair(b.record.created_at(), b.record.id());
  });
}

}  // namespace

std::vector<PodPtr> Sampler::ReadyPods() const {
  std::vector<PodPtr> pods = table_->All();
  std::erase_if(pods, [](const PodPtr& pod) { return !pod->ready(); });
  return pods;
}

ContainerSample Sampler::SampleContainer(const PodContainer& found) {
  ContainerSample sample{found.pod, found.container, found.container->record(), {}, {}};
  Read({&sample});
  return sample;
}

std::vector<ContainerSample> Sampler::SampleContainers(const std::vector<PodPtr>& pods,
                                                       const cri::ContainerStatsFilter& filter) {
  std::vector<ContainerSample> samples;
  for (const PodPtr& pod : pods) {
    for (ContainerSample& sample : RunningContainers(pod, filter)) samples.push_back(std::move(sample));
  }
  SortSamples(&samples);
  std::vector<ContainerSample*> pointers;
  for (ContainerSample& sample : samples) pointers.push_back(&sample);
  Read(pointers);
  return samples;
}

std::vector<ContainerSample> Sampler::RunningContainers(const PodPtr& pod, const cri::ContainerStatsFilter& filter) {
  std::vector<ContainerSample> samples;
  for (const ContainerPtr& container : pod->containers.All()) {
    if (!container->running()) {
      meters_.CloseContainer(container->id());
      continue;
    }
    if (!absl::StartsWith(container->id(), filter.id())) continue;
    ContainerRecord record = container->record();
    if (HasLabels(record.config().labels(), filter.label_selector())) {
      samples.push_back({pod, container, std::move(record), {}, {}});
    }
  }
  return samples;
}

std::vector<PodSample> Sampler::SamplePods(const std::vector<PodPtr>& pods) {
  std::vector<PodSample> samples;
  samples.reserve(pods.size());
  for (const PodPtr& pod : pods) {
    samples.push_back({pod, pod->record(), {}, {}, RunningContainers(pod, {})});
    SortSamples(&samples.back().containers);
  }
  SortSamples(&samples);
  std::vector<ContainerSample*> containers;
  for (PodSample& sample : samples) {
    for (ContainerSample& container : sample.containers) containers.push_back(&container);
  }
  Read(containers);
  const std::map<std::string, int> pods_in_cgroup = PodsInCgroups();
  for (PodSample& sample : samples) {
    sample.reading = ReadPod(sample, pods_in_cgroup);
    if (sample.reading) sample.links = ReadLinks(sample);
  }
  return samples;
}

std::vector<LinkReading> Sampler::ReadLinks(const PodSample& sample) {
  auto links = meters_.OfPod(*sample.pod)->ReadLinks(sample.record.netns_path());
  if (links.ok()) return *std::move(links);
  LogPod(LogLevel::kWarning, "the interfaces of a pod cannot be read", *sample.pod,
         {{"error", links.status().message()}});
  return {};
}

void Sampler::Read(const std::vector<ContainerSample*>& samples) {
  std::vector<LayerUsage::Layer> layers;
  layers.reserve(samples.size());
  for (const ContainerSample* sample : samples) {
    layers.push_back({sample->container, layout_.Upper(sample->container->id())});
  }
  const std::vector<std::optional<LayerSample>> usages = layers_.Get(layers);
  for (size_t i = 0; i < samples.size(); ++i) {
    ContainerSample& sample = *samples[i];
    sample.layer = usages[i];
    sample.reading = meters_.OfContainer(*sample.container)->Read([&sample] {
      return DirsOf(sample.record.cgroups_path(), sample.pod->runtime().systemd_cgroup);
    });
  }
}

std::optional<CgroupDetails> Sampler::DetailsOf(const ContainerSample& sample) {
  return meters_.OfContainer(*sample.container)->ReadDetails([] { return cgroup::Dirs(); });
}

std::map<std::string, int> Sampler::PodsInCgroups() const {
  std::map<std::string, int> pods;
  for (const PodPtr& pod : ReadyPods()) {
    pod->WithRecord([&](const PodRecord& record) { ++pods[PodCgroupName(record, pod->runtime().systemd_cgroup)]; });
  }
  return pods;
}

std::optional<MeterReading> Sampler::ReadPod(const PodSample& sample,
                                             const std::map<std::string, int>& pods_in_cgroup) {
  const PodRecord& record = sample.record;
  const bool systemd = sample.pod->runtime().systemd_cgroup;
  const std::string name = PodCgroupName(record, systemd);
  const auto sharing = pods_in_cgroup.find(name);
  if (!name.empty() && (sharing == pods_in_cgroup.end() || sharing->second == 1)) {
    return meters_.OfPod(*sample.pod)->Read([&record, systemd] { return PodCgroups(record, systemd); });
  }
  const auto pause =
      meters_.OfPause(*sample.pod)->Read([&record, systemd] { return DirsOf(record.cgroups_path(), systemd); });
  if (!pause) return std::nullopt;
  MeterReading sum;
  AddUsage(*pause, &sum);
  for (const ContainerSample& container : sample.containers) {
    if (container.reading) AddUsage(*container.reading, &sum);
  }
  return sum;
}

LayerSample Sampler::SampleLayers() {
  std::vector<LayerUsage::Layer> layers;
  for (const PodPtr& pod : table_->All()) {
    for (const ContainerPtr& container : pod->containers.All()) {
      if (container->visible()) layers.push_back({container, layout_.Upper(container->id())});
    }
  }
  LayerSample sum{{}, WallNanos()};
  for (const std::optional<LayerSample>& layer : layers_.Get(layers)) {
    if (!layer) continue;
    sum.usage.bytes += layer->usage.bytes;
    sum.usage.inodes += layer->usage.inodes;
    sum.at = std::min(sum.at, layer->at);
  }
  return sum;
}

void Sampler::OnPodStopped(const std::string& pod_id) {
  meters_.ClosePod(pod_id);
}

void Sampler::OnContainerRemoved(const std::string& container_id) {
  meters_.CloseContainer(container_id);
  layers_.Forget(container_id);
}

}  // namespace crisp
