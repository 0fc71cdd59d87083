#include "server/long_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "base/thread.h"
#include "sandbox/event_hub.h"
#include "sandbox/pod_manager.h"
#include "server/cri_services.h"
#include "server/image_message.h"
#include "server/stream_call.h"
#include "stats/stats.h"
#include "stats/status_view.h"

namespace crisp {
namespace {

// The size of a list's messages. A client has a limit of its own, 16 MiB for the kubelet, and reads one message while
// the next is on its way.
constexpr size_t kMostChunkBytes = 1 << 20;

// Serves events until the queue is shut down and empty.
void ServeAll(grpc::ServerCompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
    // A copy: the last operation of a call deletes the call, and with it the tag.
    const std::function<void(bool)> run = static_cast<LongOp*>(tag)->run;
    run(ok);
  }
}

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

LongCalls::LongCalls(const Parts& parts)
    : parts_(parts), chunk_bytes_(std::min(kMostChunkBytes, parts.max_send_bytes / 2)) {}

LongCalls::~LongCalls() {
  if (queue_ == nullptr) return;
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    ServeAll(queue_.get());
  }
}

void LongCalls::Register(grpc::ServerBuilder* builder) {
  // The threads of the synchronous calls accept connections; a queue that is polled frequently would take that over.
  queue_ = builder->AddCompletionQueue(/*is_frequently_polled=*/false);
}

absl::Status LongCalls::Start() {
  AcceptEvents();
  AcceptStateLists();
  AcceptStatsLists();
  AcceptImageList();
  ASSIGN_OR_RETURN(thread_, StartThread("calls answered by streams", [this] { ServeAll(queue_.get()); }));
  return absl::OkStatus();
}

void LongCalls::EndEvents() {
  parts_.backends.pods->events().Close(absl::UnavailableError("crispd is ending"));
}

void LongCalls::AcceptEvents() {
  using Stream = StreamCall<cri::GetEventsRequest, cri::ContainerEventResponse>;
  Stream::Accept(
      "GetContainerEvents",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestGetContainerEvents(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::GetEventsRequest&, std::function<void()> wake) -> Stream::Source {
        return std::make_unique<EventSource>(parts_.backends.pods->events().Subscribe(std::move(wake)));
      });
}

void LongCalls::AcceptStateLists() {
  AcceptList(
      "StreamPodSandboxes", parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxes, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamPodSandboxesRequest& request) {
        return parts_.backends.status->ListPods(request.filter());
      },
      [](cri::StreamPodSandboxesResponse& message) { return message.mutable_pod_sandboxes(); });
  AcceptList(
      "StreamContainers", parts_.runtime_service, &RuntimeService::RequestStreamContainers, queue_.get(), chunk_bytes_,
      [this](const cri::StreamContainersRequest& request) {
        return parts_.backends.status->ListContainers(request.filter());
      },
      [](cri::StreamContainersResponse& message) { return message.mutable_containers(); });
}

void LongCalls::AcceptStatsLists() {
  AcceptList(
      "StreamContainerStats", parts_.runtime_service, &RuntimeService::RequestStreamContainerStats, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamContainerStatsRequest& request) {
        return parts_.backends.stats->ListContainers(request.filter());
      },
      [](cri::StreamContainerStatsResponse& message) { return message.mutable_container_stats(); });
  AcceptList(
      "StreamPodSandboxStats", parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxStats, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamPodSandboxStatsRequest& request) {
        return parts_.backends.stats->ListPods(request.filter());
      },
      [](cri::StreamPodSandboxStatsResponse& message) { return message.mutable_pod_sandbox_stats(); });
  AcceptList(
      "StreamPodSandboxMetrics", parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxMetrics, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamPodSandboxMetricsRequest&) { return parts_.backends.stats->ListPodMetrics(); },
      [](cri::StreamPodSandboxMetricsResponse& message) { return message.mutable_pod_sandbox_metrics(); });
}

void LongCalls::AcceptImageList() {
  AcceptList(
      "StreamImages", parts_.image_service, &ImageService::RequestStreamImages, queue_.get(), chunk_bytes_,
      [this](const cri::StreamImagesRequest& request) {
        return ImageMessages(parts_.backends.images, request.filter());
      },
      [](cri::StreamImagesResponse& message) { return message.mutable_images(); });
}

}  // namespace crisp
