#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamContainers() {
  using Stream = StreamCall<cri::StreamContainersRequest, cri::StreamContainersResponse>;
  Stream::Accept(
      "StreamContainers",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestStreamContainers(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::StreamContainersRequest& request, const std::function<void()>&) -> Stream::Source {
        return std::make_unique<ListSource<cri::StreamContainersResponse>>(InChunks<cri::StreamContainersResponse>(
            parts_.pods->ListContainers(request.filter()), chunk_bytes_,
            [](cri::StreamContainersResponse& message) { return message.mutable_containers(); }));
      });
}

}  // namespace crisp
