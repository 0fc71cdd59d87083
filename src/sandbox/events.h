// EventHub: tells everybody who has subscribed what happens to containers, in the order in which it happens.
//
// A subscriber that reads too slowly hurts only itself: its queue has an end, and when it is full the subscription is
// over. Events are shared by all queues, so that a subscriber costs a queue of pointers.
//
// Threading: all methods from any thread; none blocks. `wake` is called by the thread that publishes, with no lock held
// but the publisher's own: it must be quick, and must not publish.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/mutex.h"

namespace crisp {

using ContainerEvent = std::shared_ptr<const cri::ContainerEventResponse>;

// What has been told of a container or pod so far.
struct ToldEvents {
  bool created = false;
  bool started = false;
  bool stopped = false;
  bool deleted = false;
};

// One subscriber's queue.
class EventQueue {
 public:
  static constexpr size_t kMostEvents = 1024;
  static constexpr size_t kMostBytes = 16 << 20;

  explicit EventQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Null if there is none now. After an end: none, ever.
  ContainerEvent Take();
  // Why there will be no more events; OK as long as there may be.
  absl::Status End() const;

 private:
  friend class EventHub;
  void Put(const ContainerEvent& event, size_t bytes);
  void Close(absl::Status why);

  const std::function<void()> wake_;
  mutable Mutex mutex_;
  std::deque<std::pair<ContainerEvent, size_t>> events_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
};

class EventHub {
 public:
  // Every event from now on, until the queue is let go. `wake` is called after each event that is put into an empty
  // queue, and at the end.
  std::shared_ptr<EventQueue> Subscribe(std::function<void()> wake);

  // False: nobody would hear of it.
  bool HasSubscribers();
  void Publish(cri::ContainerEventResponse event);

  // Ends every subscription with this error, and those to come.
  void Close(absl::Status why);

 private:
  std::vector<std::shared_ptr<EventQueue>> LiveQueues();

  Mutex mutex_;
  std::vector<std::weak_ptr<EventQueue>> queues_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
