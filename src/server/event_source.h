// EventSource: the events of one subscriber as the messages of a stream.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "sandbox/event_hub.h"
#include "server/message_source.h"

namespace crisp {

class EventSource final : public MessageSource<cri::ContainerEventResponse> {
 public:
  explicit EventSource(std::shared_ptr<EventQueue> queue) : queue_(std::move(queue)) {}

  ContainerEvent Next() override { return queue_->Take(); }
  std::optional<absl::Status> End() override {
    const absl::Status end = queue_->End();
    return end.ok() ? std::nullopt : std::optional(end);
  }

 private:
  const std::shared_ptr<EventQueue> queue_;
};

}  // namespace crisp
