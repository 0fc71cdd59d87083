// Capabilities by name and as bit masks (bit n is the capability numbered n in linux/capability.h). capabilities(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

// The default set: the 14 capabilities that Docker and the other CRI servers give.
uint64_t DefaultCapabilities();

// "CAP_NET_RAW", "net_raw", … in any case. nullopt if the kernel (as of 5.9, 41 of them) has none of that name.
std::optional<int> CapabilityNumber(absl::string_view name);

// The names ("CAP_…") of the bits in `mask`, by number. Bits without a name are left out.
std::vector<std::string> CapabilityNames(uint64_t mask);

// The set of a container that is not privileged: the default set, without the dropped and with the added and the
// ambient capabilities. ALL means all of `host`. A named add wins over `drop ALL`, a named drop over `add ALL`. A
// capability that is requested by name and not in `host` is an error; one of the default set is left out.
absl::StatusOr<uint64_t> ContainerCapabilities(const cri::Capability& asked, uint64_t host);

// The requested ambient capabilities within `set`, the container's: programs of users other than root have them. ALL
// means all of `set`, but for those dropped by name.
absl::StatusOr<uint64_t> AmbientCapabilities(const cri::Capability& asked, uint64_t set);

struct CapabilitySets {
  uint64_t bounding = 0;  // permitted and effective as well
  uint64_t ambient = 0;   // inheritable as well
};

}  // namespace crisp
