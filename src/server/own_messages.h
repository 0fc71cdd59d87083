// The messages of crisp's own services (api/crisp/v1/crisp.proto), made of what the rooms know.
#pragma once

#include "api/crisp/v1/crisp.pb.h"
#include "images/node_images.h"
#include "images/pull_progress.h"

namespace crisp {

// Without the image's id, which only a pull that has ended has.
v1::PullProgress PullMessage(const PullState& state);

RegistryAuth AuthOf(const v1::Credentials& credentials);

v1::DescribeResponse DescribeMessage(const Image& image, const std::vector<ImageLayer>& layers);

// Without the writable layers.
v1::UsageResponse UsageMessage(const ImagesUse& use);

}  // namespace crisp
