#include "server/image_rpcs.h"

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status_macros.h"
#include "images/images.h"
#include "server/image_message.h"
#include "server/verbose_info.h"
#include "stats/stats.h"

namespace crisp {
namespace {

absl::Status CheckNamed(const cri::ImageSpec& image) {
  if (image.image().empty()) return absl::InvalidArgumentError("field image.image: must not be empty");
  return absl::OkStatus();
}

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

absl::Status ImageRpcs::ListImages(const cri::ListImagesRequest& request, cri::ListImagesResponse* response) {
  for (cri::Image& image : ImageMessages(images_, request.filter())) *response->add_images() = std::move(image);
  return absl::OkStatus();
}

absl::Status ImageRpcs::ImageStatus(const cri::ImageStatusRequest& request, cri::ImageStatusResponse* response) {
  RETURN_IF_ERROR(CheckNamed(request.image()));
  const auto image = images_->Find(request.image().image());
  if (image == nullptr) return absl::OkStatus();
  *response->mutable_image() = ImageMessage(*image);
  if (request.verbose()) (*response->mutable_info())["info"] = VerboseInfo(*image);
  return absl::OkStatus();
}

absl::Status ImageRpcs::PullImage(const cri::PullImageRequest& request, const CallContext& call,
                                  cri::PullImageResponse* response) {
  RETURN_IF_ERROR(CheckNamed(request.image()));
  ASSIGN_OR_RETURN(std::string id, images_->Pull(request.image().image(), AuthOf(request.auth()), call));
  response->set_image_ref(std::move(id));
  return absl::OkStatus();
}

absl::Status ImageRpcs::RemoveImage(const cri::RemoveImageRequest& request, cri::RemoveImageResponse*) {
  RETURN_IF_ERROR(CheckNamed(request.image()));
  return images_->Remove(request.image().image());
}

absl::Status ImageRpcs::ImageFsInfo(const cri::ImageFsInfoRequest&, cri::ImageFsInfoResponse* response) {
  ASSIGN_OR_RETURN(const FsUsage usage, images_->Usage());
  cri::FilesystemUsage* images = response->add_image_filesystems();
  images->set_timestamp(WallNanos());
  images->mutable_fs_id()->set_mountpoint(usage.mountpoint);
  images->mutable_used_bytes()->set_value(usage.used_bytes);
  images->mutable_inodes_used()->set_value(usage.inodes_used);
  *response->add_container_filesystems() = stats_->WritableLayers();
  return absl::OkStatus();
}

}  // namespace crisp
