#include "server/image_message.h"
#include "server/image_service.h"
#include "server/long_calls.h"
#include "server/stream_call.h"

namespace crisp {

void LongCalls::AcceptStreamImages() {
  AcceptList(
      "StreamImages", parts_.image_service, &ImageService::RequestStreamImages, queue_.get(), chunk_bytes_,
      [this](const cri::StreamImagesRequest& request) { return ImageMessages(parts_.images, request.filter()); },
      [](cri::StreamImagesResponse& message) { return message.mutable_images(); });
}

}  // namespace crisp
