// LayerUsage: how much disk the writable layers of containers take.
//
// A layer is walked when somebody asks for it and the last walk is old, on a background thread, one walk at a time. The
// caller gets the last result at once, with its time; only for a layer that was never walked it waits, for a moment.
// The re-walk interval is 20 times the time of all walks, so that walks take at most 5 % of a processor however often
// somebody asks and however big the layers are.
//
// Threading: all methods from any thread. The destructor cancels the walk that is running.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/background.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "os/disk_usage.h"

namespace crisp {

class Container;

struct LayerSample {
  DiskUsage usage;
  int64_t at = 0;  // wall-clock nanoseconds
};

class LayerUsage {
 public:
  struct Layer {
    std::shared_ptr<const Container> container;
    std::string directory;  // absolute
  };

  // How long Get waits for all layers that were never walked.
  static constexpr std::chrono::milliseconds kFirstWait{20};
  static constexpr std::chrono::seconds kFreshFor{1};
  // The re-walk interval, in times of all walks together.
  static constexpr int kIdleShare = 20;

  explicit LayerUsage(std::chrono::milliseconds first_wait = kFirstWait) : first_wait_(first_wait) {}
  ~LayerUsage();
  LayerUsage(const LayerUsage&) = delete;
  LayerUsage& operator=(const LayerUsage&) = delete;

  // In the order of `layers`; nothing for a layer whose first walk is not finished or has failed.
  std::vector<std::optional<LayerSample>> Get(const std::vector<Layer>& layers);
  // For a container that is in the state kRemoved: no later Get brings it back.
  void Forget(const std::string& container_id);

 private:
  struct Entry {
    std::string directory;
    bool walked = false;  // at least once, with or without success
    bool due = false;     // waits for a walk, or is being walked
    std::optional<LayerSample> last;
    MonoTime walked_at;
    MonoClock::duration took{};
  };

  void Request(const Layer& layer, MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AllWalked(const std::vector<Layer>& layers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WalkAllDue();
  void Walk(const std::string& id, const std::string& directory);

  const std::chrono::milliseconds first_wait_;
  Mutex mutex_;
  CondVar walked_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> due_ ABSL_GUARDED_BY(mutex_);
  MonoClock::duration took_together_ ABSL_GUARDED_BY(mutex_){};
  bool walking_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;

  Background background_;  // last: the destructor waits for it first
};

}  // namespace crisp
