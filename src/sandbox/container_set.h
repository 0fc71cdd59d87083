// ContainerSet: the containers of one pod, by id.
//
// Threading: all methods from any thread; none blocks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace crisp {

class Container;

class ContainerSet {
 public:
  using Ptr = std::shared_ptr<Container>;

  void Add(const std::string& id, Ptr container) {
    MutexLock lock(mutex_);
    containers_[id] = std::move(container);
  }
  void Remove(const std::string& id) {
    MutexLock lock(mutex_);
    containers_.erase(id);
  }
  // Null if there is none.
  Ptr Find(const std::string& id) const {
    MutexLock lock(mutex_);
    const auto found = containers_.find(id);
    return found == containers_.end() ? nullptr : found->second;
  }
  // In the order of their ids.
  std::vector<Ptr> All() const {
    MutexLock lock(mutex_);
    std::vector<Ptr> all;
    all.reserve(containers_.size());
    for (const auto& [id, container] : containers_) all.push_back(container);
    return all;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, Ptr> containers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
