// PullProgress: what one pull is doing, part by part. PullBoard: the pulls at work. PullWatch: the pull that a caller
// waits for.
//
// The pull writes, any number of watchers read. Bytes are counted in atomics; the lock is taken when a part begins or
// ends, and by those who look.
// Threading: thread-safe, except that LogIfLong is called by the pull's own thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "images/layer_source.h"

namespace crisp {

struct PullPart {
  enum class Kind { kIndex, kManifest, kConfig, kLayer };
  enum class State {
    kWaiting,    // also for another pull that unpacks the same layer
    kReceiving,  // a layer is unpacked while it comes
    kDone,
    kExists,  // was here before, or another pull has brought it
  };

  Kind kind = Kind::kLayer;
  std::string digest;
  State state = State::kWaiting;
  uint64_t received = 0;  // bytes, each counted once whatever is sent again
  uint64_t size = 0;
  std::string endpoint;  // of the registry or mirror that serves it; empty: not known yet
};

struct PullState {
  std::string reference;           // whole
  MonoClock::duration elapsed{0};  // until now, or the end
  std::vector<PullPart> parts;     // in the order in which they are found: index, manifest, config, layers
  std::string endpoint;            // that answered last
};

class PullProgress {
 public:
  // Between two lines of LogIfLong, and before the first.
  static constexpr std::chrono::seconds kLogInterval{30};

  explicit PullProgress(std::string reference, std::chrono::nanoseconds log_interval = kLogInterval);

  PullState Look() const;

  // A manifest, an index or a config: it is asked for, has come, or could not be had. `size` 0: not known.
  void Begin(PullPart::Kind kind, const std::string& digest, uint64_t size);
  void End(const std::string& digest, uint64_t size);
  void GiveUp(const std::string& digest);
  // Something that has come, or was here, without having been announced.
  void Add(PullPart::Kind kind, const std::string& digest, uint64_t size, PullPart::State state);

  // Once: the layers, lowest first.
  void AddLayers(const std::vector<LayerDescriptor>& layers);
  // By its place among them.
  void SetLayer(size_t layer, PullPart::State state);
  // Where the bytes of a layer with this digest are counted that is being received. Valid as long as the object. Null
  // if there is none. An image may have a layer several times: each call is for another one.
  std::atomic<uint64_t>* Receive(const std::string& digest);

  // `endpoint` has answered with the bytes of `digest`, or begins to. `digest` may be empty.
  void Answered(const std::string& digest, const std::string& endpoint);

  // The clock stops.
  void Stop();
  // Writes a line if the interval has passed since the last one, or since the begin.
  void LogIfLong();

 private:
  struct Part {
    Part(PullPart::Kind part_kind, std::string part_digest, uint64_t part_size, PullPart::State part_state)
        : kind(part_kind), digest(std::move(part_digest)), size(part_size), state(part_state) {}
    const PullPart::Kind kind;
    const std::string digest;
    uint64_t size;
    PullPart::State state;
    std::string endpoint;
    bool counted = false;  // Receive has given out `received`
    std::atomic<uint64_t> received{0};
  };

  Part* Find(const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string reference_;
  const MonoTime begun_ = MonoClock::now();
  const std::chrono::nanoseconds log_interval_;
  MonoTime next_line_ = begun_ + log_interval_;  // the pull's thread's own
  mutable Mutex mutex_;
  MonoTime ended_ ABSL_GUARDED_BY(mutex_) = kNoDeadline;
  std::deque<Part> parts_ ABSL_GUARDED_BY(mutex_);  // a deque: `received` stays where it is
  size_t first_layer_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string endpoint_ ABSL_GUARDED_BY(mutex_);
};

// The progress of the pull that one caller waits for; it outlives the pull.
class PullWatch {
 public:
  // Null as long as the pull has not begun.
  std::shared_ptr<const PullProgress> progress() const {
    MutexLock lock(mutex_);
    return progress_;
  }
  void Set(std::shared_ptr<const PullProgress> progress) {
    MutexLock lock(mutex_);
    progress_ = std::move(progress);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const PullProgress> progress_ ABSL_GUARDED_BY(mutex_);
};

class PullBoard {
 public:
  // Oldest first.
  std::vector<std::shared_ptr<const PullProgress>> AtWork() const;

  // `key` names the flight (base/single_flight.h) that is watched: at most one is at work for each.
  std::shared_ptr<PullProgress> Begin(const std::string& key, const std::string& reference);
  void End(const std::string& key);

  // While it exists, `watch` gets the progress of the pull that is at work for `key`, and of those that begin.
  class Watching {
   public:
    // `watch` may be null. Both it and `board` must outlive the object.
    Watching(PullBoard* board, std::string key, PullWatch* watch);
    ~Watching();
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

   private:
    PullBoard* const board_;
    const std::string key_;
    PullWatch* const watch_;
  };

 private:
  struct AtKey {
    std::shared_ptr<PullProgress> progress;  // null: none is at work
    uint64_t number = 0;                     // counts the pulls
    std::set<PullWatch*> watches;
  };

  void DropIfEmpty(const std::string& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  uint64_t begun_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, AtKey> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
