#include "images/layer_entries.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr uint64_t kBlockBytes = 4096;
constexpr size_t kInlineLinkBytes = 59;  // ext4 stores a target up to this length in the inode

// Copies the data of a file and keeps its holes.
absl::StatusOr<uint64_t> CopyData(int from, int to, off_t size) {
  uint64_t copied = 0;
  off_t at = 0;
  while (at < size) {
    const off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole to the end
    if (data < 0) return ErrnoStatus(errno, "find data");
    const off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return ErrnoStatus(errno, "find hole");
    for (off_t in = data, out = data; in < hole;) {
      const ssize_t n = copy_file_range(from, &in, to, &out, static_cast<size_t>(hole - in), 0);
      if (n < 0) return ErrnoStatus(errno, "copy");
      if (n == 0) return absl::InternalError("copy: the file has become shorter");
      copied += static_cast<uint64_t>(n);
    }
    at = hole;
  }
  if (ftruncate(to, size) != 0) return ErrnoStatus(errno, "set size");
  return copied;
}

}  // namespace

// Calls `attempt` with the descriptor of `parent`; it returns 0, or -1 and errno. If an entry of the name exists,
// removes it and tries again.
template <typename Try>
absl::Status LayerEntries::Replace(Dir* parent, const std::string& name, absl::string_view what, const Try& attempt) {
  for (bool retried = false;; retried = true) {
    ASSIGN_OR_RETURN(const int fd, dirs_->Open(parent));
    if (attempt(fd) == 0) break;
    if (errno != EEXIST || retried) return ErrnoStatus(errno, what);
    RETURN_IF_ERROR(dirs_->Remove(parent, name));
  }
  ++inodes_;
  dirs_->NoteFile(parent, name);
  return absl::OkStatus();
}

void LayerEntries::CountBytes(uint64_t bytes) {
  bytes_ += (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

absl::StatusOr<Fd> LayerEntries::MakeFile(Dir* parent, const std::string& name) {
  Fd file;
  RETURN_IF_ERROR(Replace(parent, name, "make file", [&](int dir) {
    file.reset(openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return file.valid() ? 0 : -1;
  }));
  return file;
}

absl::Status LayerEntries::MakeSymlink(Dir* parent, const std::string& name, const std::string& target,
                                       const FileMetadata& metadata) {
  if (target.empty() || target.size() >= PATH_MAX) {
    return absl::DataLossError(absl::StrCat("its target has ", target.size(), " bytes"));
  }
  RETURN_IF_ERROR(Replace(parent, name, "make symbolic link",
                          [&](int dir) { return symlinkat(target.c_str(), dir, name.c_str()); }));
  if (target.size() > kInlineLinkBytes) CountBytes(target.size());
  ASSIGN_OR_RETURN(const int dir, dirs_->Open(parent));
  return ApplyMetadataAt(dir, name, S_IFLNK, metadata);
}

absl::Status LayerEntries::MakeSpecial(Dir* parent, const std::string& name, mode_t type, dev_t device,
                                       const FileMetadata& metadata) {
  RETURN_IF_ERROR(
      Replace(parent, name, "make node", [&](int dir) { return mknodat(dir, name.c_str(), type | 0600, device); }));
  ASSIGN_OR_RETURN(const int dir, dirs_->Open(parent));
  return ApplyMetadataAt(dir, name, type, metadata);
}

absl::Status LayerEntries::MakeLink(Dir* parent, const std::string& name, const TarPath& target) {
  if (target.empty()) return absl::DataLossError("is a hard link to the root");
  const std::string& target_name = target.back();
  ASSIGN_OR_RETURN(Dir* const from, dirs_->Resolve(TarPath(target.begin(), target.end() - 1)), "hard link's target");
  if (from->Child(target_name) != nullptr) return absl::DataLossError("is a hard link to a directory");

  ASSIGN_OR_RETURN(const int from_fd, dirs_->Open(from));
  struct stat info {};
  if (fstatat(from_fd, target_name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, "stat the hard link's target");
    RETURN_IF_ERROR(CopyUp(from, target_name), "copy up the hard link's target");
    dirs_->NoteCopy(from, target_name);
  }
  if (from == parent && target_name == name) return absl::OkStatus();
  if (dirs_->IsBelow(from, parent->Child(name))) {
    return absl::DataLossError("is a hard link in place of the directory that its target is in");
  }
  return Replace(parent, name, "make hard link", [&](int dir) {
    const absl::StatusOr<int> fd = dirs_->Open(from);
    return fd.ok() ? linkat(*fd, target_name.c_str(), dir, name.c_str(), 0) : (errno = EMFILE, -1);
  });
}

absl::Status LayerEntries::CopyUp(Dir* parent, const std::string& name) {
  ASSIGN_OR_RETURN(const LowerFile from, dirs_->FindBelow(parent, name));
  if (!from.exists) return absl::DataLossError("it does not exist");
  if (S_ISDIR(from.info.st_mode)) return absl::DataLossError("it is a directory");
  ASSIGN_OR_RETURN(const FileMetadata metadata, ReadMetadata(from.dir.get(), from.name, from.info));
  switch (from.info.st_mode & S_IFMT) {
    case S_IFREG:
      return CopyUpFile(from, parent, name, metadata);
    case S_IFLNK: {
      ASSIGN_OR_RETURN(const std::string target, ReadLinkAt(from.dir.get(), from.name));
      return MakeSymlink(parent, name, target, metadata);
    }
    default:
      return MakeSpecial(parent, name, from.info.st_mode & S_IFMT, from.info.st_rdev, metadata);
  }
}

absl::Status LayerEntries::CopyUpFile(const LowerFile& from, Dir* parent, const std::string& name,
                                      const FileMetadata& metadata) {
  ASSIGN_OR_RETURN(const Fd source, OpenAt(from.dir.get(), from.name, O_RDONLY | O_NOFOLLOW));
  ASSIGN_OR_RETURN(const Fd copy, MakeFile(parent, name));
  ASSIGN_OR_RETURN(const uint64_t copied, CopyData(source.get(), copy.get(), from.info.st_size));
  CountBytes(copied);
  return ApplyMetadata(copy.get(), metadata, name);
}

}  // namespace crisp
