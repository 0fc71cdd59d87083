#include "sandbox/pod_manager.h"
#include "server/long_calls.h"
#include "server/runtime_service.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamContainerStats() {
  using Stream = StreamCall<cri::StreamContainerStatsRequest, cri::StreamContainerStatsResponse>;
  Stream::Accept(
      "StreamContainerStats",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.runtime_service->RequestStreamContainerStats(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::StreamContainerStatsRequest& request, const std::function<void()>&) -> Stream::Source {
        return std::make_unique<ListSource<cri::StreamContainerStatsResponse>>(
            InChunks<cri::StreamContainerStatsResponse>(
                parts_.pods->ListContainerStats(request.filter()), chunk_bytes_,
                [](cri::StreamContainerStatsResponse& message) { return message.mutable_container_stats(); }));
      });
}

}  // namespace crisp
