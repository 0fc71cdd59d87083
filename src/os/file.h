// Files and directories. Relative paths are relative to `dir`, a directory's descriptor or AT_FDCWD. Everything is
// opened with O_CLOEXEC.
//
// Threading: from any thread. Errors: ErrnoStatus, naming the path.
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

// Opens `path` as a process sees it whose root directory is `root`: "..", absolute paths and symbolic links stay inside
// (openat2(2) with RESOLVE_IN_ROOT, Linux 5.6). Paths that come from an image must be opened with this.
absl::StatusOr<Fd> OpenInRoot(int root, const std::string& path, int flags, mode_t mode = 0);

// Reads a whole file. A file of more than `limit` bytes is an error, so that a foreign file cannot fill the memory.
absl::StatusOr<std::string> ReadFileAt(int dir, const std::string& path, size_t limit);
absl::StatusOr<std::string> ReadFd(int fd, size_t limit, absl::string_view name);

// Writes all of `data`. `name` is for the error.
absl::Status WriteAll(int fd, absl::string_view data, absl::string_view name);

// Replaces the file atomically: a reader, or the machine after a power failure, finds the old content or the new one.
// Writes "<path>.tmp", syncs it, renames it and syncs the directory.
absl::Status WriteFileAtomically(int dir, const std::string& path, absl::string_view data, mode_t mode);

// The same without syncing: atomic for readers and if this process dies, but not after a power failure.
absl::Status ReplaceFileAt(int dir, const std::string& path, absl::string_view data, mode_t mode);

// Writes a small file in place, without syncing: bundles, files under /run, files of cgroupfs and proc.
absl::Status WriteFileAt(int dir, const std::string& path, absl::string_view data, mode_t mode);

// mkdir -p: follows the links that are there, makes what is missing. New directories get `mode` whatever the umask;
// those that exist keep theirs. No link that replaces a new directory in that moment is followed, so that `path` may
// lie in a directory that a pod can write to.
absl::Status MakeDirs(const std::string& path, mode_t mode);

// The same, and gives `mode` also to a `path` that exists: an older version or an administrator may have made it. Only
// for directories whose parent nobody else can write to.
absl::Status MakeDirsWithMode(const std::string& path, mode_t mode);

// Removes a tree; see RemoveTreeAt in os/remove_tree.h.
absl::Status RemoveTree(const std::string& path);

// The names in a directory without "." and "..", sorted.
absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path);

// Whether the path exists; a link counts, wherever it leads.
bool Exists(const std::string& path);

}  // namespace crisp
