// ImageService of CRI v1. Each RPC is in a file of its own, named for it.
#pragma once

#include "api/cri/api.grpc.pb.h"
#include "api/cri/cri.h"

namespace crisp {

class Images;
class PodManager;

// StreamImages is served by LongCalls (long_calls.h).
class ImageService final : public cri::ImageService::WithAsyncMethod_StreamImages<cri::ImageService::Service> {
 public:
  // Both outlive it.
  ImageService(Images* images, PodManager* pods) : images_(images), pods_(pods) {}

#define CRISP_IMAGE_RPC(name, request, response) \
  grpc::Status name(grpc::ServerContext* context, const cri::request* in, cri::response* out) override
  CRISP_IMAGE_RPC(ListImages, ListImagesRequest, ListImagesResponse);
  CRISP_IMAGE_RPC(ImageStatus, ImageStatusRequest, ImageStatusResponse);
  CRISP_IMAGE_RPC(PullImage, PullImageRequest, PullImageResponse);
  CRISP_IMAGE_RPC(RemoveImage, RemoveImageRequest, RemoveImageResponse);
  CRISP_IMAGE_RPC(ImageFsInfo, ImageFsInfoRequest, ImageFsInfoResponse);

 private:
  Images* const images_;
  PodManager* const pods_;  // has the containers, whose writable layers are on the images' file system
};

}  // namespace crisp
