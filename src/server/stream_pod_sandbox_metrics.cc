#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamPodSandboxMetrics() {
  using Stream = StreamCall<cri::StreamPodSandboxMetricsRequest, cri::StreamPodSandboxMetricsResponse>;
  Stream::Accept(
      "StreamPodSandboxMetrics",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestStreamPodSandboxMetrics(context, request, writer, queue_.get(), queue_.get(),
                                                               tag);
      },
      [this](const cri::StreamPodSandboxMetricsRequest&, const std::function<void()>&) -> Stream::Source {
        return std::make_unique<ListSource<cri::StreamPodSandboxMetricsResponse>>(
            InChunks<cri::StreamPodSandboxMetricsResponse>(
                parts_.pods->ListPodMetrics(), chunk_bytes_,
                [](cri::StreamPodSandboxMetricsResponse& message) { return message.mutable_pod_sandbox_metrics(); }));
      });
}

}  // namespace crisp
