// The CRI messages, under the name that the rest of the tree uses for them.
#pragma once

#include "api/cri/api.pb.h"

namespace crisp {
namespace cri = ::runtime::v1;
}  // namespace crisp
