// ResolveUser: the user and groups that a container runs as.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/image_config.h"

namespace crisp {

// A user as resolved in the container's root file system.
struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  // The primary gid first, then those of the image and of the pod. The OCI runtime gives the process exactly these: if
  // the primary group were missing, a program could drop it to get around a file's group permissions (CVE-2023-25173).
  std::vector<uint32_t> additional_gids;
  std::string home = "/";
};

// Resolves run_as_user, run_as_username and run_as_group of the security context, or else the image's USER, by
// /etc/passwd and /etc/group below `rootfs` (a directory's descriptor). The files are untrusted: only regular files of
// at most 1 MiB are read, and links do not lead out of the root. InvalidArgument naming the field, or the image's USER.
absl::StatusOr<ResolvedUser> ResolveUser(int rootfs, const cri::LinuxContainerSecurityContext& security,
                                         const ImageConfig& image);

}  // namespace crisp
