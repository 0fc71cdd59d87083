#include "stats/metric_facts.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "os/cgroup_core.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/status_message.h"
#include "stats/device_name.h"

namespace crisp {
namespace {

constexpr int64_t kNanos = 1'000'000'000;

uint64_t Positive(int64_t value) {
  return value > 0 ? static_cast<uint64_t>(value) : 0;
}

// Asks for the name of each device once.
class DeviceNames {
 public:
  std::vector<DeviceIo> Named(const std::vector<CgroupDeviceIo>& io) {
    std::vector<DeviceIo> named;
    named.reserve(io.size());
    for (const CgroupDeviceIo& one : io) {
      named.push_back({one, Name(one.major, one.minor), absl::StrCat(one.major), absl::StrCat(one.minor)});
    }
    return named;
  }

 private:
  const std::string& Name(unsigned major, unsigned minor) {
    std::string& name = names_[{major, minor}];
    if (name.empty()) name = DeviceName(major, minor);
    return name;
  }
  std::map<std::pair<unsigned, unsigned>, std::string> names_;
};

std::string CgroupPathOf(const std::string& cgroups_path, bool systemd) {
  return systemd ? cgroup::SystemdScopePath(cgroups_path) : cgroups_path;
}

MetricLabels LabelsOf(const PodRecord& pod, std::string cgroup) {
  MetricLabels labels;
  labels.id = std::move(cgroup);
  labels.pod = pod.config().metadata().name();
  labels.pod_namespace = pod.config().metadata().namespace_();
  return labels;
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

MetricFacts FactsOfPod(const PodSample& sample) {
  MetricFacts facts;
  const std::string path = CgroupPathOf(sample.record.cgroups_path(), sample.pod->runtime().systemd_cgroup);
  facts.labels = LabelsOf(sample.record, path.substr(0, path.rfind('/')));
  facts.at = WallNanos();
  if (sample.reading) facts.usage = sample.reading->usage;
  for (const LinkReading& link : sample.links) {
    if (!link.loopback) facts.links.push_back(link);
  }
  return facts;
}

MetricFacts FactsOfContainer(Sampler* sampler, const PodSample& pod, const ContainerSample& sample,
                             const LayerFileSystem& file_system, DeviceNames* devices) {
  MetricFacts facts;
  facts.labels = LabelsOf(pod.record, sample.record, pod.pod->runtime().systemd_cgroup);
  facts.at = sample.reading->at;
  facts.usage = sample.reading->usage;
  facts.details = sampler->DetailsOf(sample);
  if (facts.details) {
    facts.devices = devices->Named(facts.details->io);
    facts.processes = UsageOfProcesses(facts.details->pids);
    facts.descriptor_limit = DescriptorLimitOf(*sample.container, facts.details->pids);
  }
  if (sample.layer) facts.layer = LayerFacts{*sample.layer, file_system};
  facts.limits = LimitsOf(ResourcesOf(sample.record));
  const auto loss = sample.container->log_loss.Get();
  facts.lost = LostOutput{loss.bytes, loss.lines};
  facts.started_at = Positive(sample.record.started_at() / kNanos);
  return facts;
}

}  // namespace

std::vector<PodMetricFacts> FactsOf(Sampler* sampler, const std::vector<PodSample>& samples,
                                    const LayerFileSystem& layers) {
  DeviceNames devices;
  std::vector<PodMetricFacts> all;
  all.reserve(samples.size());
  for (const PodSample& sample : samples) {
    PodMetricFacts& facts = all.emplace_back(PodMetricFacts{sample.record.id(), FactsOfPod(sample), {}});
    for (const ContainerSample& container : sample.containers) {
      if (!container.reading) continue;
      facts.containers.push_back(FactsOfContainer(sampler, sample, container, layers, &devices));
    }
  }
  return all;
}

LimitFacts LimitsOf(const cri::LinuxContainerResources& limits) {
  LimitFacts facts;
  if (limits.cpu_quota() > 0) facts.cpu_quota = Positive(limits.cpu_quota());
  facts.cpu_period = Positive(limits.cpu_period());
  facts.cpu_shares = Positive(limits.cpu_shares());
  facts.memory = Positive(limits.memory_limit_in_bytes());
  facts.memory_and_swap = Positive(limits.memory_swap_limit_in_bytes());
  const auto reserved = limits.unified().find("memory.min");
  if (reserved != limits.unified().end() && !absl::SimpleAtoi(reserved->second, &facts.memory_reservation)) {
    facts.memory_reservation = 0;
  }
  return facts;
}

}  // namespace crisp
