// PodObserver: learns when pods and containers go, so that what is kept for them elsewhere can go too.
#pragma once

#include <string>

namespace crisp {

class PodObserver {
 public:
  virtual ~PodObserver() = default;
  // No process of the pod runs any more. Its network namespace is removed after this returns: whoever holds a
  // descriptor inside it lets go now.
  virtual void OnPodStopped(const std::string& pod_id) = 0;
  virtual void OnContainerRemoved(const std::string& container_id) = 0;
};

}  // namespace crisp
