#include "sandbox/bundle_spec.h"

#include <fcntl.h>

#include "os/file.h"

namespace crisp {

absl::StatusOr<std::string> ReadBundleSpec(const Layout& layout, const std::string& pod_id,
                                           const std::string& container_id) {
  constexpr size_t kMaxSpec = 8 << 20;
  return ReadFileAt(AT_FDCWD, layout.Spec(pod_id, container_id), kMaxSpec);
}

}  // namespace crisp
