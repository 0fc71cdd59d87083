#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamContainerStats() {
  AcceptList(
      "StreamContainerStats", parts_.runtime_service, &RuntimeService::RequestStreamContainerStats, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamContainerStatsRequest& request) {
        return parts_.pods->ListContainerStats(request.filter());
      },
      [](cri::StreamContainerStatsResponse& message) { return message.mutable_container_stats(); });
}

}  // namespace crisp
