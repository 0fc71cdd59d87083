// LayerUsage: what the writable layers of containers take on disk.
//
// A layer is walked when somebody asks for it and the last walk is old: on a thread that ends with the last walk
// that is due, one walk at a time. Who asks gets the last result at once, with its time; only for a layer that has
// never been walked it is waited, and not for long. A layer stays fresh the longer, the longer the walks of all took,
// so that however much is asked and however big they are, walks take at most a twentieth of a processor.
//
// Threading: all methods from any thread. The destructor breaks off the walk at work.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/background.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "os/disk_usage.h"

namespace crisp {

class LayerUsage {
 public:
  struct Layer {
    std::string id;         // of the container
    std::string directory;  // absolute
  };
  struct Measured {
    DiskUsage usage;
    int64_t at = 0;  // wall-clock nanoseconds
  };

  // How long Get waits for layers that were never walked, all together.
  static constexpr std::chrono::milliseconds kFirstWait{20};
  static constexpr std::chrono::seconds kFreshFor{1};
  // A walk may be repeated after the time that all of them took, this often.
  static constexpr int kIdleShare = 20;

  LayerUsage() = default;
  ~LayerUsage();
  LayerUsage(const LayerUsage&) = delete;
  LayerUsage& operator=(const LayerUsage&) = delete;

  // In the order of `layers`; nothing for one whose first walk is not over yet or failed.
  std::vector<std::optional<Measured>> Get(const std::vector<Layer>& layers);
  void Forget(const std::string& id);

 private:
  struct Entry {
    std::string directory;
    bool walked = false;  // at least once, whatever came of it
    bool due = false;     // waits for a walk, or is being walked
    std::optional<Measured> last;
    MonoTime walked_at;
    MonoClock::duration took{};
  };

  void Request(const Layer& layer, MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AllWalked(const std::vector<Layer>& layers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WalkAllDue();
  void Walk(const std::string& id, const std::string& directory);

  Mutex mutex_;
  CondVar walked_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> due_ ABSL_GUARDED_BY(mutex_);
  MonoClock::duration took_together_ ABSL_GUARDED_BY(mutex_){};
  bool walking_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;

  Background background_;  // last, so that it is waited for first
};

}  // namespace crisp
