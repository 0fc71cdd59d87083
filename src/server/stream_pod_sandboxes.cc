#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamPodSandboxes() {
  using Stream = StreamCall<cri::StreamPodSandboxesRequest, cri::StreamPodSandboxesResponse>;
  Stream::Accept(
      "StreamPodSandboxes",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestStreamPodSandboxes(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::StreamPodSandboxesRequest& request, const std::function<void()>&) -> Stream::Source {
        return std::make_unique<ListSource<cri::StreamPodSandboxesResponse>>(InChunks<cri::StreamPodSandboxesResponse>(
            parts_.pods->ListPods(request.filter()), chunk_bytes_,
            [](cri::StreamPodSandboxesResponse& message) { return message.mutable_pod_sandboxes(); }));
      });
}

}  // namespace crisp
