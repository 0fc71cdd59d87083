// What a shim, or the exit record that it left, says of a container.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/shim.h"
#include "store/layout.h"

namespace crisp {

// The container of that id in the answer to Shim::List; null if the shim does not know it. Points into `listed`.
const ShimContainer* FindListed(const std::vector<ShimContainer>& listed, const std::string& container_id);

// The container's exit record; nothing if there is none, or none that is whole.
std::optional<ContainerExit> ReadExit(const Layout& layout, const std::string& container_id);

}  // namespace crisp
