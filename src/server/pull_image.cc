#include "base/status_macros.h"
#include "images/images.h"
#include "server/edge.h"
#include "server/image_service.h"

namespace crisp {
namespace {

RegistryAuth AuthOf(const cri::AuthConfig& auth) {
  RegistryAuth result;
  result.username = auth.username();
  result.password = auth.password();
  result.auth = auth.auth();
  result.identity_token = auth.identity_token();
  result.registry_token = auth.registry_token();
  result.server_address = auth.server_address();
  return result;
}

}  // namespace

grpc::Status ImageService::PullImage(grpc::ServerContext* context, const cri::PullImageRequest* in,
                                     cri::PullImageResponse* out) {
  const std::string& name = in->image().image();
  return Serve({"PullImage", LogLevel::kInfo, name}, [&]() -> absl::Status {
    if (name.empty()) return absl::InvalidArgumentError("field image.image: must not be empty");
    ASSIGN_OR_RETURN(std::string id, images_->Pull(name, AuthOf(in->auth()), CallOf(*context)));
    out->set_image_ref(std::move(id));
    return absl::OkStatus();
  });
}

}  // namespace crisp
