#include "images/images.h"
#include "server/edge.h"
#include "server/image_service.h"

namespace crisp {

grpc::Status ImageService::RemoveImage(grpc::ServerContext*, const cri::RemoveImageRequest* in,
                                       cri::RemoveImageResponse*) {
  const std::string& name = in->image().image();
  return Serve({"RemoveImage", LogLevel::kInfo, name}, [&] {
    if (name.empty()) return absl::InvalidArgumentError("field image.image: must not be empty");
    return images_->Remove(name);
  });
}

}  // namespace crisp
