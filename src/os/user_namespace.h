// User namespaces (user_namespaces(7)) as what shifts owners of files: made by a child that does nothing, held by a
// descriptor.
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

// A run of ids: a line of /proc/PID/uid_map.
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

// What `inside` is outside; nullopt if it is in no range.
std::optional<uint32_t> MapId(const std::vector<IdRange>& ranges, uint32_t inside);

// A user namespace with these maps; it lives as long as the descriptor, or whoever else has got hold of it. Needs
// CAP_SETUID and CAP_SETGID.
absl::StatusOr<Fd> MakeUserNamespace(const IdMap& map);

// Mounts `source` on `target`, both absolute, with owners shifted as `user_namespace` maps them: a file of uid 0 is
// seen as of the uid that 0 is mapped to. Linux 5.12, and a file system that can. Without what is mounted below
// `source`.
absl::Status BindIdmapped(const std::string& source, const std::string& target, int user_namespace);

// OK if a user namespace can be made and the file system of `path` can be mounted so.
absl::Status CheckIdmapping(const std::string& path);

}  // namespace crisp
