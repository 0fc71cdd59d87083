#include "sandbox/event_hub.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace crisp {

ContainerEvent EventQueue::Take() {
  MutexLock lock(mutex_);
  if (events_.empty()) return nullptr;
  ContainerEvent event = std::move(events_.front().first);
  bytes_ -= events_.front().second;
  events_.pop_front();
  return event;
}

absl::Status EventQueue::End() const {
  MutexLock lock(mutex_);
  return end_;
}

void EventQueue::Put(const ContainerEvent& event, size_t bytes, EventCounters* counters) {
  bool full = false;
  {
    MutexLock lock(mutex_);
    if (!end_.ok()) return;
    full = events_.size() >= kMostEvents || (!events_.empty() && bytes_ + bytes > kMostBytes);
    if (!full) {
      events_.emplace_back(event, bytes);
      bytes_ += bytes;
      counters->sent.Add();
      if (events_.size() > 1) return;  // the subscriber is awake already
    }
  }
  if (full) {
    counters->dropped.Add();
    return Close(absl::ResourceExhaustedError(
        absl::StrCat("events are read too slowly: ", kMostEvents, " of them, or ", kMostBytes >> 20,
                     " MiB, wait to be read; list the pods and subscribe again")));
  }
  wake_();
}

void EventQueue::Close(absl::Status why) {
  {
    MutexLock lock(mutex_);
    if (!end_.ok()) return;
    end_ = std::move(why);
    events_.clear();
    bytes_ = 0;
  }
  wake_();
}

std::shared_ptr<EventQueue> EventHub::Subscribe(std::function<void()> wake) {
  auto queue = std::make_shared<EventQueue>(std::move(wake));
  absl::Status closed;
  {
    MutexLock lock(mutex_);
    closed = closed_;
    if (closed.ok()) queues_.push_back(queue);
  }
  if (!closed.ok()) queue->Close(closed);
  return queue;
}

void EventHub::Publish(cri::ContainerEventResponse event) {
  const size_t bytes = event.ByteSizeLong();
  const auto shared = std::make_shared<const cri::ContainerEventResponse>(std::move(event));
  for (const std::shared_ptr<EventQueue>& queue : LiveQueues()) queue->Put(shared, bytes, &counters_);
}

void EventHub::Close(absl::Status why) {
  {
    MutexLock lock(mutex_);
    closed_ = why;
  }
  for (const std::shared_ptr<EventQueue>& queue : LiveQueues()) queue->Close(why);
}

std::vector<std::shared_ptr<EventQueue>> EventHub::LiveQueues() {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<EventQueue>> live;
  std::erase_if(queues_, [&live](const std::weak_ptr<EventQueue>& queue) {
    std::shared_ptr<EventQueue> held = queue.lock();
    if (held == nullptr) return true;
    live.push_back(std::move(held));
    return false;
  });
  return live;
}

}  // namespace crisp
