// /etc/passwd and /etc/group of an image (passwd(5), group(5)). Both are untrusted: only regular files of at most 1 MiB
// are read, opened inside the root file system and without being opened at all if they are something else (opening a
// device or a fifo has effects). Entries that are not well-formed are passed over, as the C library does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

inline constexpr size_t kPasswdLimit = 1 << 20;

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
};

// "0" … "4294967294" and nothing else: all of it digits, and not 2^32-1, which chown(2) and setuid(2) take for "no
// change".
std::optional<uint32_t> ParseId(absl::string_view text);

// The content; empty if there is none. InvalidArgument if it is no regular file or too large.
absl::StatusOr<std::string> ReadAccountFile(int rootfs, const std::string& path);

std::optional<PasswdEntry> FindUserByName(absl::string_view passwd, absl::string_view name);
std::optional<PasswdEntry> FindUserById(absl::string_view passwd, uint32_t uid);
std::optional<uint32_t> FindGroup(absl::string_view group, absl::string_view name);
// The groups that have `user` in their list of members, in the order of the file.
std::vector<uint32_t> GroupsOf(absl::string_view group, absl::string_view user);

}  // namespace crisp
