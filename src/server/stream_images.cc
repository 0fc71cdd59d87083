#include "server/image_message.h"
#include "server/image_service.h"
#include "server/long_calls.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamImages() {
  using Stream = StreamCall<cri::StreamImagesRequest, cri::StreamImagesResponse>;
  Stream::Accept(
      "StreamImages",
      [this](auto* context, auto* request, auto* writer, void* tag) {
        parts_.image_service->RequestStreamImages(context, request, writer, queue_.get(), queue_.get(), tag);
      },
      [this](const cri::StreamImagesRequest& request, const std::function<void()>&) -> Stream::Source {
        return std::make_unique<ListSource<cri::StreamImagesResponse>>(InChunks<cri::StreamImagesResponse>(
            ImageMessages(parts_.images, request.filter()), chunk_bytes_,
            [](cri::StreamImagesResponse& message) { return message.mutable_images(); }));
      });
}

}  // namespace crisp
