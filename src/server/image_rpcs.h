// ImageRpcs: the RPCs about images.
//
// Thread-safe. InvalidArgument for a request without an image's name; else the errors of Images.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/call_context.h"

namespace crisp {

class Images;
class Stats;

class ImageRpcs {
 public:
  // Both must outlive this. `pods` measures the writable layers of containers, which ImageFsInfo reports.
  ImageRpcs(Images* images, const Stats* stats) : images_(images), stats_(stats) {}

  absl::Status ListImages(const cri::ListImagesRequest& request, cri::ListImagesResponse* response);
  // An unknown image is an empty response, not an error.
  absl::Status ImageStatus(const cri::ImageStatusRequest& request, cri::ImageStatusResponse* response);
  absl::Status PullImage(const cri::PullImageRequest& request, const CallContext& call,
                         cri::PullImageResponse* response);
  absl::Status RemoveImage(const cri::RemoveImageRequest& request, cri::RemoveImageResponse* response);
  absl::Status ImageFsInfo(const cri::ImageFsInfoRequest& request, cri::ImageFsInfoResponse* response);

 private:
  Images* const images_;
  const Stats* const stats_;
};

}  // namespace crisp
