// Stats: CRI's statistics and metrics of pods and containers.
//
// Lists have the running containers, and the pods that are READY. Of a container that does not run there are only its
// attributes and its writable layer.
//
// Threading: all methods from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "sandbox/pod_table.h"
#include "stats/layer_disk.h"
#include "stats/sampler.h"
#include "store/layout.h"

namespace crisp {

struct PodMetricFacts;

class Stats {
 public:
  // Both pointers must outlive the object.
  Stats(Layout layout, const PodTable* table, Sampler* sampler)
      : layout_(std::move(layout)), table_(table), sampler_(sampler), layer_disk_(layout_.Containers()) {}

  absl::StatusOr<cri::ContainerStats> OfContainer(const std::string& container_id) const;
  std::vector<cri::ContainerStats> ListContainers(const cri::ContainerStatsFilter& filter) const;
  absl::StatusOr<cri::PodSandboxStats> OfPod(const std::string& pod_id) const;
  std::vector<cri::PodSandboxStats> ListPods(const cri::PodSandboxStatsFilter& filter) const;
  // Of the pods that are READY and their running containers; stats/metric_table.h lists the metrics.
  std::vector<cri::PodSandboxMetrics> ListPodMetrics() const;
  // The same in Prometheus' text format (stats/metric_text.h).
  void AppendPodMetricText(std::string* text) const;
  // What the writable layers of all containers take together (stats/layer_usage.h).
  cri::FilesystemUsage WritableLayers() const;

 private:
  cri::ContainerStats MessageOf(const ContainerSample& sample) const;
  cri::PodSandboxStats MessageOf(const PodSample& sample) const;
  std::vector<PodMetricFacts> ReadPodFacts() const;
  // The path by which clients know the file system of the writable layers: that of the images where it is the same one,
  // else their own. Kubelets before 1.32 take two paths for two file systems.
  std::string MountpointOfLayers() const;

  const Layout layout_;
  const PodTable* const table_;
  Sampler* const sampler_;
  mutable LayerDisk layer_disk_;
};

}  // namespace crisp
