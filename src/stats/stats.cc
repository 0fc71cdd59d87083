#include "stats/stats.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "stats/metric_facts.h"
#include "stats/metric_text.h"
#include "stats/metrics.h"
#include "stats/selector.h"
#include "stats/stats_message.h"

namespace crisp {
namespace {

// The name of the first network's interface in every pod, as the plugins are told (network/network.h).
constexpr char kDefaultInterface[] = "eth0";

template <typename Config, typename Attributes>
void FillAttributes(const std::string& id, const Config& config, Attributes* attributes) {
  attributes->set_id(id);
  *attributes->mutable_metadata() = config.metadata();
  *attributes->mutable_labels() = config.labels();
  *attributes->mutable_annotations() = config.annotations();
}

bool OnOneDevice(const std::string& a, const std::string& b) {
  struct stat of_a {};
  struct stat of_b {};
  return stat(a.c_str(), &of_a) == 0 && stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev;
}

}  // namespace

std::string Stats::MountpointOfLayers() const {
  return OnOneDevice(layout_.Layers(), layout_.Containers()) ? layout_.Layers() : layout_.Containers();
}

cri::ContainerStats Stats::MessageOf(const ContainerSample& sample) const {
  cri::ContainerStats stats;
  FillAttributes(sample.container->id(), sample.record.config(), stats.mutable_attributes());
  if (sample.reading) FillUsage(*sample.reading, &stats);
  if (sample.layer) FillLayer(*sample.layer, MountpointOfLayers(), stats.mutable_writable_layer());
  return stats;
}

cri::PodSandboxStats Stats::MessageOf(const PodSample& sample) const {
  cri::PodSandboxStats stats;
  FillAttributes(sample.record.id(), sample.record.config(), stats.mutable_attributes());
  for (const ContainerSample& container : sample.containers) {
    *stats.mutable_linux()->add_containers() = MessageOf(container);
  }
  if (!sample.reading) return stats;
  FillPodUsage(*sample.reading, stats.mutable_linux());
  if (!sample.links.empty()) {
    FillNetwork(sample.links, kDefaultInterface, sample.reading->at, stats.mutable_linux()->mutable_network());
  }
  return stats;
}

absl::StatusOr<cri::ContainerStats> Stats::OfContainer(const std::string& container_id) const {
  ASSIGN_OR_RETURN(const PodContainer found, table_->FindContainer(container_id));
  return MessageOf(sampler_->SampleContainer(found));
}

std::vector<cri::ContainerStats> Stats::ListContainers(const cri::ContainerStatsFilter& filter) const {
  std::vector<PodPtr> pods = table_->All();
  std::erase_if(pods, [&](const PodPtr& pod) { return !absl::StartsWith(pod->id(), filter.pod_sandbox_id()); });
  std::vector<cri::ContainerStats> stats;
  for (const ContainerSample& sample : sampler_->SampleContainers(pods, filter)) stats.push_back(MessageOf(sample));
  return stats;
}

absl::StatusOr<cri::PodSandboxStats> Stats::OfPod(const std::string& pod_id) const {
  ASSIGN_OR_RETURN(const PodPtr pod, table_->FindPod(pod_id));
  return MessageOf(sampler_->SamplePods({pod}).front());
}

std::vector<cri::PodSandboxStats> Stats::ListPods(const cri::PodSandboxStatsFilter& filter) const {
  std::vector<PodPtr> pods = sampler_->ReadyPods();
  std::erase_if(pods, [&](const PodPtr& pod) {
    if (!absl::StartsWith(pod->id(), filter.id())) return true;
    return !filter.label_selector().empty() && !HasLabels(pod->record().config().labels(), filter.label_selector());
  });
  std::vector<cri::PodSandboxStats> stats;
  for (const PodSample& sample : sampler_->SamplePods(pods)) stats.push_back(MessageOf(sample));
  return stats;
}

std::vector<PodMetricFacts> Stats::ReadPodFacts() const {
  return FactsOf(sampler_, sampler_->SamplePods(sampler_->ReadyPods()), layer_disk_.Read());
}

std::vector<cri::PodSandboxMetrics> Stats::ListPodMetrics() const {
  return MetricMessages(ReadPodFacts());
}

void Stats::AppendPodMetricText(std::string* text) const {
  AppendMetricText(ReadPodFacts(), text);
}

cri::FilesystemUsage Stats::WritableLayers() const {
  cri::FilesystemUsage message;
  FillLayer(sampler_->SampleLayers(), MountpointOfLayers(), &message);
  return message;
}

}  // namespace crisp
