// NodeMetrics: how many pods, containers and images the node has, and what they take.
//
//   crisp_pods{state}               "ready" or "notready", as clients see them
//   crisp_containers{state}         "created", "running" or "exited"
//   crisp_images                    crisp_image_layers_bytes, crisp_image_layers_inodes
//   crisp_writable_layers_bytes     crisp_writable_layers_inodes; each layer as it was measured last
#pragma once

#include <prometheus/collectable.h>

#include <vector>

namespace crisp {

class Images;
class PodTable;
class Stats;

// Thread-safe.
class NodeMetrics final : public prometheus::Collectable {
 public:
  // All must outlive the object.
  NodeMetrics(const PodTable* table, const Stats* stats, Images* images)
      : table_(table), stats_(stats), images_(images) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const PodTable* const table_;
  const Stats* const stats_;
  Images* const images_;
};

}  // namespace crisp
