#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamPodSandboxStats() {
  using Stream = StreamCall<cri::StreamPodSandboxStatsRequest, cri::StreamPodSandboxStatsResponse>;
  Stream::Accept(
      "StreamPodSandboxStats",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestStreamPodSandboxStats(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::StreamPodSandboxStatsRequest& request, const std::function<void()>&) -> Stream::Source {
        return std::make_unique<ListSource<cri::StreamPodSandboxStatsResponse>>(
            InChunks<cri::StreamPodSandboxStatsResponse>(
                parts_.pods->ListPodStats(request.filter()), chunk_bytes_,
                [](cri::StreamPodSandboxStatsResponse& message) { return message.mutable_pod_sandbox_stats(); }));
      });
}

}  // namespace crisp
