// ContainerdView: pause containers and containers as containerd's API describes them, as far as cAdvisor asks. The
// kubelet's cAdvisor knows a runtime only by this API; without it, its metrics have no labels and pods no network.
//
// Threading: all methods from any thread; each reads copies and waits for nobody. An id is that of a container, or of a
// pod: containerd calls the pause container by its pod's id. Ids are exact. NotFound for an unknown one.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "api/containerd/containerd.h"
#include "store/layout.h"

namespace crisp {

class PodTable;

class ContainerdView {
 public:
  // `table` must outlive the object.
  ContainerdView(Layout layout, const PodTable* table) : layout_(std::move(layout)), table_(table) {}

  // Also of a pod that is still being made: cAdvisor asks once, when the pause container's cgroup appears. Reads the
  // bundle's config.json.
  absl::StatusOr<containerd_containers::Container> OfContainer(const std::string& id) const;

  // The first process. NotFound before there is one; cAdvisor asks again then. Of a container that has ended, its exit.
  absl::StatusOr<containerd_types::Process> ProcessOf(const std::string& id) const;

 private:
  const Layout layout_;
  const PodTable* const table_;
};

}  // namespace crisp
