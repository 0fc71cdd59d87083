#include "base/operations.h"

#include <utility>

namespace crisp {

Operations& Operations::All() {
  static auto* const all = new Operations;
  return *all;
}

std::vector<OperationView> Operations::View() const {
  const MutexLock lock(mutex_);
  std::vector<OperationView> views;
  views.reserve(running_.size());
  for (const auto& [id, source] : running_) {
    views.push_back(source->View());
    views.back().id = id;
  }
  return views;
}

void Operations::SetListener(std::function<void()> busy) {
  const MutexLock lock(mutex_);
  busy_ = std::move(busy);
}

uint64_t Operations::Enter(const OperationSource* source) {
  const MutexLock lock(mutex_);
  running_.emplace(++last_id_, source);
  if (running_.size() == 1 && busy_) busy_();
  return last_id_;
}

void Operations::Leave(uint64_t id) {
  const MutexLock lock(mutex_);
  running_.erase(id);
}

}  // namespace crisp
