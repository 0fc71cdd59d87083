// Files and directories. Relative paths are relative to `dir`, a directory's descriptor or AT_FDCWD. Everything is
// opened with O_CLOEXEC. Errors are ErrnoStatus, naming the path.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/fd.h"

namespace crisp {

absl::StatusOr<Fd> OpenAt(int dir, const std::string& path, int flags, mode_t mode = 0);

// Opens `path` as a process whose root is `root` would see it: "..", absolute names and symbolic links stay inside
// (openat2(2) with RESOLVE_IN_ROOT, Linux 5.6). The only way in which crisp touches a path that an image chose.
absl::StatusOr<Fd> OpenInRoot(int root, const std::string& path, int flags, mode_t mode = 0);

// Reads at most `limit` bytes; a larger file is an error, so that no file of somebody else's can fill the memory.
absl::StatusOr<std::string> ReadFileAt(int dir, const std::string& path, size_t limit);
absl::StatusOr<std::string> ReadFd(int fd, size_t limit, absl::string_view name);

absl::Status WriteAll(int fd, absl::string_view data, absl::string_view name);

// Replaces `path` whole: a reader, or a machine that lost power, finds the old content or the new one, never a part.
// Writes "<path>.tmp", syncs it, renames it, syncs the directory.
absl::Status WriteFileAtomically(int dir, const std::string& path, absl::string_view data, mode_t mode);

// The same without a sync, for what must be whole after the death of this process only.
absl::Status ReplaceFileAt(int dir, const std::string& path, absl::string_view data, mode_t mode);

// Plain write of a small file that need not survive a power cut (bundles, files under /run, cgroup and proc files).
absl::Status WriteFileAt(int dir, const std::string& path, absl::string_view data, mode_t mode);

// mkdir -p: follows the links that are there, makes what is missing. New directories get `mode` whatever the umask;
// those that exist keep theirs. No link that replaces a new directory in that moment is followed, so that `path` may
// lie in a directory that a pod can write to.
absl::Status MakeDirs(const std::string& path, mode_t mode);

// The same, and gives `mode` also to a `path` that exists: an older version or an administrator may have made it. Only
// for directories whose parent nobody else can write to.
absl::Status MakeDirsWithMode(const std::string& path, mode_t mode);

// Removes a tree without following links or crossing into another mount (EXDEV is an error: something is still
// mounted there, and what is below it is not ours to delete). OK if it is not there.
absl::Status RemoveTree(const std::string& path);

// The names in a directory without "." and "..", sorted.
absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path);

bool Exists(const std::string& path);

}  // namespace crisp
