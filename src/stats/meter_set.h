// MeterSet: the meters of the pods and containers of this node.
//
// Threading: all methods from any thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "stats/meter.h"

namespace crisp {

class Container;
class Pod;

class MeterSet {
 public:
  // Of the pod's cgroup and its network interfaces; of the pause container alone. A closed meter, which reads nothing,
  // if the pod is not READY.
  std::shared_ptr<Meter> OfPod(const Pod& pod);
  std::shared_ptr<Meter> OfPause(const Pod& pod);
  // A closed meter if the container does not run.
  std::shared_ptr<Meter> OfContainer(const Container& container);

  // Closes the meters of a pod that is no longer READY.
  void ClosePod(const std::string& pod_id);
  // Closes the meter of a container that runs no longer.
  void CloseContainer(const std::string& container_id);

 private:
  std::shared_ptr<Meter> Find(const std::string& key, bool live) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Close(const std::string& key);

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Meter>> meters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
