#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamPodSandboxes() {
  AcceptList(
      "StreamPodSandboxes", parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxes, queue_.get(),
      chunk_bytes_,
      [this](const cri::StreamPodSandboxesRequest& request) { return parts_.pods->ListPods(request.filter()); },
      [](cri::StreamPodSandboxesResponse& message) { return message.mutable_pod_sandboxes(); });
}

}  // namespace crisp
