#include "monitor/node_metrics.h"

#include <map>
#include <string>

#include "images/images.h"
#include "monitor/read_values.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"
#include "stats/stats.h"

namespace crisp {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily ByState(const std::string& name, const std::string& help, const std::map<std::string, int>& counts) {
  MetricFamily family = Family(name, help, MetricType::Gauge);
  for (const auto& [state, count] : counts) AddValue(&family, count, {{"state", state}});
  return family;
}

const char* NameOf(cri::ContainerState state) {
  if (state == cri::CONTAINER_RUNNING) return "running";
  return state == cri::CONTAINER_EXITED ? "exited" : "created";
}

}  // namespace

std::vector<MetricFamily> NodeMetrics::Collect() const {
  // A state that nothing is in is 0, and not absent.
  std::map<std::string, int> pods = {{"ready", 0}, {"notready", 0}};
  std::map<std::string, int> containers = {{"created", 0}, {"running", 0}, {"exited", 0}};
  for (const PodPtr& pod : table_->All()) {
    if (pod->visible()) ++pods[pod->ready() ? "ready" : "notready"];
    for (const ContainerPtr& container : pod->containers.All()) {
      if (container->visible()) ++containers[NameOf(container->view().state)];
    }
  }

  std::vector<MetricFamily> families;
  families.push_back(ByState("crisp_pods", "Pods of this node.", pods));
  families.push_back(ByState("crisp_containers", "Containers of this node, without pause containers.", containers));
  families.push_back(Gauge("crisp_images", "Images of this node.", static_cast<double>(images_->List().size())));
  if (const absl::StatusOr<FsUsage> usage = images_->Usage(); usage.ok()) {
    families.push_back(
        Gauge("crisp_image_layers_bytes", "Disk space of all image layers.", static_cast<double>(usage->used_bytes)));
    families.push_back(
        Gauge("crisp_image_layers_inodes", "Inodes of all image layers.", static_cast<double>(usage->inodes_used)));
  }
  const cri::FilesystemUsage layers = stats_->WritableLayers();
  families.push_back(Gauge("crisp_writable_layers_bytes", "Disk space of containers' writable layers.",
                           static_cast<double>(layers.used_bytes().value())));
  families.push_back(Gauge("crisp_writable_layers_inodes", "Inodes of containers' writable layers.",
                           static_cast<double>(layers.inodes_used().value())));
  return families;
}

}  // namespace crisp
