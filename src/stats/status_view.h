// StatusView: the status and list messages of CRI, for clients. Reads copies and waits for nobody; a verbose status
// reads the bundle's config.json too.
//
// Threading: all methods from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "store/layout.h"

namespace crisp {

class PodTable;

class StatusView {
 public:
  // `table` must outlive the object.
  StatusView(Layout layout, const PodTable* table) : layout_(std::move(layout)), table_(table) {}

  absl::StatusOr<cri::PodSandboxStatusResponse> OfPod(const std::string& pod_id, bool verbose) const;
  absl::StatusOr<cri::ContainerStatusResponse> OfContainer(const std::string& container_id, bool verbose) const;
  // Oldest first.
  std::vector<cri::PodSandbox> ListPods(const cri::PodSandboxFilter& filter) const;
  std::vector<cri::Container> ListContainers(const cri::ContainerFilter& filter) const;

 private:
  const Layout layout_;
  const PodTable* const table_;
};

}  // namespace crisp
