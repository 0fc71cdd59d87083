// PodTable: the pods of this node, and by them their containers.
//
// A pod is in the table from before its creation touches the node until nothing of it is left. Look-ups for clients
// (FindPod, FindContainer) see visible objects only; the others see those that are being created too.
//
// Ownership: shared with whoever looked a pod up. Threading: all methods from any thread; none blocks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/mutex.h"

namespace crisp {

class Container;
class Pod;
using PodPtr = std::shared_ptr<Pod>;
using ContainerPtr = std::shared_ptr<Container>;

// A container and its pod.
struct PodContainer {
  PodPtr pod;
  ContainerPtr container;
};

class PodTable {
 public:
  // By id or by a prefix that only one id has. NotFound; InvalidArgument for a prefix that several have, and for none.
  absl::StatusOr<PodPtr> FindPod(const std::string& id) const;
  absl::StatusOr<PodContainer> FindContainer(const std::string& id) const;

  // Null if there is none.
  PodPtr ById(const std::string& id) const;
  PodPtr ByName(const cri::PodSandboxMetadata& name) const;

  // In the order of their ids.
  std::vector<PodPtr> All() const;

  void Add(PodPtr pod);
  void Remove(const std::string& id);

 private:
  mutable Mutex mutex_;
  std::map<std::string, PodPtr> pods_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
