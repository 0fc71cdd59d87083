#include "base/clock.h"
#include "base/status_macros.h"
#include "images/images.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/image_service.h"

namespace crisp {
namespace {

void Fill(const FsUsage& usage, cri::FilesystemUsage* message) {
  message->set_timestamp(WallNanos());
  message->mutable_fs_id()->set_mountpoint(usage.mountpoint);
  message->mutable_used_bytes()->set_value(usage.used_bytes);
  message->mutable_inodes_used()->set_value(usage.inodes_used);
}

}  // namespace

grpc::Status ImageService::ImageFsInfo(grpc::ServerContext*, const cri::ImageFsInfoRequest*,
                                       cri::ImageFsInfoResponse* out) {
  return Serve({"ImageFsInfo", LogLevel::kDebug, ""}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const FsUsage images, images_->Usage());
    Fill(images, out->add_image_filesystems());
    *out->add_container_filesystems() = pods_->WritableLayers();
    return absl::OkStatus();
  });
}

}  // namespace crisp
