// EventHub: passes container events on to every subscriber, in the order in which they were published.
//
// Each subscriber has a queue of its own with a limit. A subscriber that reads too slowly loses its subscription and
// affects nobody else. All queues share the events, so that a subscriber costs a queue of pointers.
//
// Threading: all methods from any thread; none blocks. `wake` is called by the publishing thread, which may hold locks
// of its own: it must be quick, and must not publish.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/counters.h"
#include "base/mutex.h"

namespace crisp {

using ContainerEvent = std::shared_ptr<const cri::ContainerEventResponse>;

struct EventCounters {
  Counter sent;     // events put into queues, once for each queue
  Counter dropped;  // subscribers that read too slowly
};

// One subscriber's queue.
class EventQueue {
 public:
  static constexpr size_t kMostEvents = 1024;
  static constexpr size_t kMostBytes = 16 << 20;

  explicit EventQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Null if the queue is empty. Always null once the subscription has ended.
  ContainerEvent Take();
  // Why the subscription has ended; OK while it lasts.
  absl::Status End() const;

 private:
  friend class EventHub;
  void Put(const ContainerEvent& event, size_t bytes, EventCounters* counters);
  void Close(absl::Status why);

  const std::function<void()> wake_;
  mutable Mutex mutex_;
  std::deque<std::pair<ContainerEvent, size_t>> events_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
};

class EventHub {
 public:
  // Subscribes to every event from now on, until the queue is destroyed. `wake` is called when an empty queue gets an
  // event, and when the subscription ends.
  std::shared_ptr<EventQueue> Subscribe(std::function<void()> wake);

  size_t subscribers() { return LiveQueues().size(); }
  // If false, an event need not even be built.
  bool HasSubscribers() { return subscribers() > 0; }
  void Publish(cri::ContainerEventResponse event);

  // Ends every subscription with this error, present and future.
  void Close(absl::Status why);

  const EventCounters& counters() const { return counters_; }

 private:
  std::vector<std::shared_ptr<EventQueue>> LiveQueues();

  EventCounters counters_;
  Mutex mutex_;
  std::vector<std::weak_ptr<EventQueue>> queues_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
