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

// What a container gets that asks for nothing: the 14 that Docker and the other CRI servers give.
uint64_t DefaultCapabilities();

// "CAP_NET_RAW", "net_raw", … in any case. nullopt if the kernel (as of 5.9, 41 of them) has none of that name.
std::optional<int> CapabilityNumber(absl::string_view name);

// The names in `mask`, "CAP_…", by number. Bits that have no name yet are left out.
std::vector<std::string> CapabilityNames(uint64_t mask);

// The set of a container that is not privileged: the default, without what is dropped, with what is added. ALL is
// every one of `host`; an add wins over `drop ALL`, a drop over `add ALL`. What is asked for by name and not in `host`
// is an error; of the default set it is left out.
// What is to be ambient is added too.
absl::StatusOr<uint64_t> ContainerCapabilities(const cri::Capability& asked, uint64_t host);

// Those that are to be ambient, so that programs of a user other than root have them: of `set`, which is the
// container's. ALL is every one of it; one that is dropped by name is not.
absl::StatusOr<uint64_t> AmbientCapabilities(const cri::Capability& asked, uint64_t set);

struct CapabilitySets {
  uint64_t bounding = 0;  // permitted and effective as well
  uint64_t ambient = 0;   // inheritable as well
};

}  // namespace crisp
