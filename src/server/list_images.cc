#include "images/images.h"
#include "server/edge.h"
#include "server/image_message.h"
#include "server/image_service.h"

namespace crisp {

grpc::Status ImageService::ListImages(grpc::ServerContext*, const cri::ListImagesRequest* in,
                                      cri::ListImagesResponse* out) {
  const std::string& wanted = in->filter().image().image();
  return Serve({"ListImages", LogLevel::kDebug, wanted}, [&] {
    if (wanted.empty()) {
      for (const auto& image : images_->List()) *out->add_images() = ImageMessage(*image);
    } else if (const auto image = images_->Find(wanted)) {
      *out->add_images() = ImageMessage(*image);
    }
    return absl::OkStatus();
  });
}

}  // namespace crisp
