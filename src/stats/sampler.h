// Sampler: reads what containers and pods use at the moment. A reading costs a few preads of files that stay open and,
// for a pod, one question to its network namespace over a socket that was opened inside once. No shim is asked.
//
// Ownership: `table` must outlive the object. Threading: all methods from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/cri/cri.h"
#include "sandbox/pod_observer.h"
#include "sandbox/pod_table.h"
#include "sandbox/record.pb.h"
#include "stats/layer_usage.h"
#include "stats/meter.h"
#include "stats/meter_set.h"
#include "store/layout.h"

namespace crisp {

struct ContainerSample {
  PodPtr pod;
  ContainerPtr container;
  ContainerRecord record;
  std::optional<MeterReading> reading;  // nothing if it does not run
  std::optional<LayerSample> layer;     // nothing if the writable layer was not measured yet
};

struct PodSample {
  PodPtr pod;
  PodRecord record;
  std::optional<MeterReading> reading;      // nothing if it is not READY
  std::vector<LinkReading> links;           // of its own network namespace
  std::vector<ContainerSample> containers;  // that run, oldest first
};

class Sampler : public PodObserver {
 public:
  // `first_wait`: see LayerUsage.
  Sampler(const PodTable* table, Layout layout, std::chrono::milliseconds first_wait = LayerUsage::kFirstWait)
      : table_(table), layout_(std::move(layout)), layers_(first_wait) {}

  std::vector<PodPtr> ReadyPods() const;

  ContainerSample SampleContainer(const PodContainer& found);
  // The running containers of `pods` that the filter lets through, oldest first. Ignores the filter's pod.
  std::vector<ContainerSample> SampleContainers(const std::vector<PodPtr>& pods,
                                                const cri::ContainerStatsFilter& filter);
  // Oldest first.
  std::vector<PodSample> SamplePods(const std::vector<PodPtr>& pods);
  // What a container's cgroup counts besides. Nothing unless it has just been sampled.
  std::optional<CgroupDetails> DetailsOf(const ContainerSample& sample);
  // The writable layers of all containers together, as each was measured last; its time is the oldest.
  LayerSample SampleLayers();

  void OnPodStopped(const std::string& pod_id) override;
  void OnContainerRemoved(const std::string& container_id) override;

 private:
  // How many READY pods share each pod cgroup, by PodCgroupName.
  std::map<std::string, int> PodsInCgroups() const;
  // Without readings. Closes the meters of containers that have ended.
  std::vector<ContainerSample> RunningContainers(const PodPtr& pod, const cri::ContainerStatsFilter& filter);
  void Read(const std::vector<ContainerSample*>& samples);
  // What the pod's cgroup counts; where it has none of its own, or shares it with other pods, the sum of its containers
  // and its pause container.
  std::optional<MeterReading> ReadPod(const PodSample& sample, const std::map<std::string, int>& pods_in_cgroup);
  // None for those that cannot be read, which is logged.
  std::vector<LinkReading> ReadLinks(const PodSample& sample);

  const PodTable* const table_;
  const Layout layout_;
  MeterSet meters_;
  LayerUsage layers_;
};

}  // namespace crisp
