#include "sandbox/shim_facts.h"

#include <algorithm>

#include "shim/exit_record.h"

namespace crisp {

const ShimContainer* FindListed(const std::vector<ShimContainer>& listed, const std::string& container_id) {
  const auto found =
      std::find_if(listed.begin(), listed.end(), [&](const ShimContainer& one) { return one.id == container_id; });
  return found == listed.end() ? nullptr : &*found;
}

std::optional<ContainerExit> ReadExit(const Layout& layout, const std::string& container_id) {
  shim::ExitRecord exit;
  if (shim::ReadExitRecord(layout.ExitRecord(container_id), &exit) != 0) return std::nullopt;
  return ContainerExit{exit.exit_code, exit.finished_at, exit.oom_killed};
}

}  // namespace crisp
