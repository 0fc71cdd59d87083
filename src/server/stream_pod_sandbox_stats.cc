#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamPodSandboxStats() {
  AcceptList(
      "StreamPodSandboxStats", parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxStats, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamPodSandboxStatsRequest& request) { return parts_.pods->ListPodStats(request.filter()); },
      [](cri::StreamPodSandboxStatsResponse& message) { return message.mutable_pod_sandbox_stats(); });
}

}  // namespace crisp
