#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {
namespace {

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

}  // namespace

void LongCalls::AcceptGetContainerEvents() {
  using Stream = StreamCall<cri::GetEventsRequest, cri::ContainerEventResponse>;
  Stream::Accept(
      "GetContainerEvents",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestGetContainerEvents(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::GetEventsRequest&, std::function<void()> wake) -> Stream::Source {
        return std::make_unique<EventSource>(parts_.pods->events().Subscribe(std::move(wake)));
      });
}

}  // namespace crisp
