// Images as CRI shows them.
#pragma once

#include "api/cri/cri.h"
#include "images/images.h"

namespace crisp {

cri::Image ImageMessage(const Image& image);

}  // namespace crisp
