#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamPodSandboxMetrics() {
  AcceptList(
      "StreamPodSandboxMetrics", parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxMetrics, queue_.get(),
      chunk_bytes_, [this](const cri::StreamPodSandboxMetricsRequest&) { return parts_.pods->ListPodMetrics(); },
      [](cri::StreamPodSandboxMetricsResponse& message) { return message.mutable_pod_sandbox_metrics(); });
}

}  // namespace crisp
