// Images as CRI shows them.
#pragma once

#include <vector>

#include "api/cri/cri.h"
#include "images/images.h"

namespace crisp {

cri::Image ImageMessage(const Image& image);

// Those that the filter names: all, if it names none.
std::vector<cri::Image> ImageMessages(Images* images, const cri::ImageFilter& filter);

}  // namespace crisp
