// User namespaces (user_namespaces(7)) for idmapped mounts, which show files with other owners.
//
// A namespace is made by a child of raw clone(2) that makes only system calls until it is killed, and is then held by a
// descriptor. posix_spawn(3) cannot make namespaces.
//
// Threading: all functions from any thread. Errors: ErrnoStatus.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

// Consecutive ids: a line of /proc/PID/uid_map.
struct IdRange {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t length = 0;
  bool operator==(const IdRange&) const = default;
};

struct IdMap {
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
};

// The id outside the namespace for `inside`; nullopt if no range holds it.
std::optional<uint32_t> MapId(const std::vector<IdRange>& ranges, uint32_t inside);

// A user namespace with these maps. It lives as long as the descriptor or a mount that uses it. Needs CAP_SETUID and
// CAP_SETGID.
absl::StatusOr<Fd> MakeUserNamespace(const IdMap& map);

// Mounts `source` on `target`, both absolute, with owners mapped by `user_namespace`: a file of uid 0 appears to belong
// to the uid that 0 is mapped to. Mounts below `source` are not included. Needs Linux 5.12 and a file system that
// supports it.
absl::Status BindIdmapped(const std::string& source, const std::string& target, int user_namespace);

// OK if a user namespace can be made and the file system of `path` supports idmapped mounts.
absl::Status CheckIdmapping(const std::string& path);

}  // namespace crisp
