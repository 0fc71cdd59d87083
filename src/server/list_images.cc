#include "images/images.h"
#include "server/edge.h"
#include "server/image_message.h"
#include "server/image_service.h"

namespace crisp {

grpc::Status ImageService::ListImages(grpc::ServerContext*, const cri::ListImagesRequest* in,
                                      cri::ListImagesResponse* out) {
  return Serve({"ListImages", LogLevel::kDebug, in->filter().image().image()}, [&] {
    for (cri::Image& image : ImageMessages(images_, in->filter())) *out->add_images() = std::move(image);
    return absl::OkStatus();
  });
}

}  // namespace crisp
