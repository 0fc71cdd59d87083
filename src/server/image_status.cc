#include "images/images.h"
#include "nlohmann/json.hpp"
#include "server/edge.h"
#include "server/image_message.h"
#include "server/image_service.h"

namespace crisp {

// An image that is not there is an empty answer, not an error.
grpc::Status ImageService::ImageStatus(grpc::ServerContext*, const cri::ImageStatusRequest* in,
                                       cri::ImageStatusResponse* out) {
  const std::string& name = in->image().image();
  return Serve({"ImageStatus", LogLevel::kDebug, name}, [&] {
    if (name.empty()) return absl::InvalidArgumentError("field image.image: must not be empty");
    const auto image = images_->Find(name);
    if (image == nullptr) return absl::OkStatus();
    *out->mutable_image() = ImageMessage(*image);
    if (in->verbose()) {
      // The config is of the image's maker: what is no JSON stays text.
      const auto config = nlohmann::json::parse(image->config_json, nullptr, false);
      (*out->mutable_info())["info"] =
          nlohmann::json{{"imageSpec", config.is_discarded() ? nlohmann::json(image->config_json) : config}}.dump();
    }
    return absl::OkStatus();
  });
}

}  // namespace crisp
