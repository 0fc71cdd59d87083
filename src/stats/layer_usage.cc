#include "stats/layer_usage.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "os/file.h"
#include "sandbox/container.h"

namespace crisp {

LayerUsage::~LayerUsage() {
  MutexLock lock(mutex_);
  ending_ = true;
  due_.clear();
}

std::vector<std::optional<LayerSample>> LayerUsage::Get(const std::vector<Layer>& layers) {
  MutexLock lock(mutex_);
  const MonoTime now = MonoClock::now();
  for (const Layer& layer : layers) Request(layer, now);
  while (!AllWalked(layers) && walked_.WaitUntil(mutex_, now + first_wait_)) {
  }
  std::vector<std::optional<LayerSample>> results;
  results.reserve(layers.size());
  for (const Layer& layer : layers) {
    const auto entry = entries_.find(layer.container->id());
    results.push_back(entry == entries_.end() ? std::nullopt : entry->second.last);
  }
  return results;
}

void LayerUsage::Request(const Layer& layer, MonoTime now) {
  const std::string& id = layer.container->id();
  if (layer.container->state() == Container::State::kRemoved) return;
  Entry& entry = entries_[id];
  if (entry.due || ending_) return;
  const MonoClock::duration fresh = std::max<MonoClock::duration>(kFreshFor, kIdleShare * took_together_);
  if (entry.walked && now - entry.walked_at < fresh) return;
  entry.directory = layer.directory;
  entry.due = true;
  due_.push_back(id);
  if (std::exchange(walking_, true)) return;
  background_.Run([this] { WalkAllDue(); });
}

bool LayerUsage::AllWalked(const std::vector<Layer>& layers) {
  for (const Layer& layer : layers) {
    const auto entry = entries_.find(layer.container->id());
    if (entry != entries_.end() && !entry->second.walked) return false;
  }
  return true;
}

void LayerUsage::WalkAllDue() {
  for (;;) {
    std::string id;
    std::string directory;
    {
      MutexLock lock(mutex_);
      if (due_.empty()) {
        walking_ = false;
        return;
      }
      id = std::move(due_.front());
      due_.pop_front();
      const auto entry = entries_.find(id);
      if (entry == entries_.end()) continue;
      directory = entry->second.directory;
    }
    Walk(id, directory);
  }
}

void LayerUsage::Walk(const std::string& id, const std::string& directory) {
  const CallContext until_the_end(kNoDeadline, [this] {
    MutexLock lock(mutex_);
    return ending_;
  });
  const MonoTime start = MonoClock::now();
  DiskUsage usage;
  auto root = OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  absl::Status status = root.status();
  if (root.ok()) status = AddDiskUsage(*std::move(root), &usage, until_the_end);

  MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.walked = true;
  entry.due = false;
  entry.walked_at = MonoClock::now();
  took_together_ += entry.walked_at - start - entry.took;
  entry.took = entry.walked_at - start;
  // A layer that cannot be read keeps its last result: it is being removed, or will be readable again.
  if (status.ok()) entry.last = LayerSample{usage, WallNanos()};
  walked_.NotifyAll();
}

void LayerUsage::Forget(const std::string& container_id) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(container_id);
  if (entry == entries_.end()) return;
  took_together_ -= entry->second.took;
  entries_.erase(entry);
  walked_.NotifyAll();
}

}  // namespace crisp
