#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamContainers() {
  AcceptList(
      "StreamContainers", parts_.runtime_service, &RuntimeService::RequestStreamContainers, queue_.get(), chunk_bytes_,
      [this](const cri::StreamContainersRequest& request) { return parts_.pods->ListContainers(request.filter()); },
      [](cri::StreamContainersResponse& message) { return message.mutable_containers(); });
}

}  // namespace crisp
