#include "images/layer_tar.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/file_metadata.h"
#include "images/tar_applier.h"
#include "os/dir_stream.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kLayerReadBytes = 256 << 10;

absl::StatusOr<std::vector<std::string>> NamesIn(int dir, const std::string& path) {
  ASSIGN_OR_RETURN(Fd again, OpenAt(dir, ".", O_RDONLY | O_DIRECTORY));
  DirStream stream(std::move(again));
  std::vector<std::string> names;
  while (const dirent* entry = stream.Next()) names.emplace_back(entry->d_name);
  if (stream.error() != 0) return ErrnoStatus(stream.error(), absl::StrCat("read directory ", path));
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadLink(int dir, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = readlinkat(dir, name.c_str(), target.data(), target.size());
  target.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return target;
}

class LayerWalk {
 public:
  LayerWalk(TarOutput* tar, const CallContext* call) : tar_(tar), call_(call), buffer_(kLayerReadBytes, '\0') {}

  // `directory` is open at `path`: "" for the layer's own, else it ends with "/".
  absl::Status WriteContents(int directory, const std::string& path) {
    ASSIGN_OR_RETURN(const bool opaque, HasMark(directory, kOpaqueXattr, path));
    if (opaque) RETURN_IF_ERROR(tar_->AddFile(absl::StrCat(path, kOpaqueName), ""));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(directory, path));
    for (const std::string& name : names) RETURN_IF_ERROR(WriteEntry(directory, name, path));
    return absl::OkStatus();
  }

  // Writes the header of the directory in which `name` is "." or a child.
  absl::Status WriteHeader(int directory, const std::string& name, const std::string& path, const struct stat& info,
                           absl::string_view link = "") {
    ASSIGN_OR_RETURN(const FileMetadata metadata, ReadMetadata(directory, name, info));
    const TarOutput::Entry entry = TarOutput::NewEntry();
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_mode(entry.get(), info.st_mode);
    archive_entry_set_uid(entry.get(), info.st_uid);
    archive_entry_set_gid(entry.get(), info.st_gid);
    archive_entry_set_mtime(entry.get(), info.st_mtim.tv_sec, 0);
    if (!link.empty()) {
      archive_entry_set_hardlink(entry.get(), std::string(link).c_str());
    } else if (S_ISREG(info.st_mode)) {
      archive_entry_set_size(entry.get(), info.st_size);
    } else if (S_ISLNK(info.st_mode)) {
      archive_entry_set_symlink(entry.get(), ReadLink(directory, name).c_str());
    } else if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
      archive_entry_set_rdev(entry.get(), info.st_rdev);
    }
    for (const auto& [xattr, value] : metadata.xattrs) {
      archive_entry_xattr_add_entry(entry.get(), xattr.c_str(), value.data(), value.size());
    }
    return Annotate(tar_->Begin(entry), path);
  }

 private:
  absl::Status WriteEntry(int directory, const std::string& name, const std::string& parent) {
    RETURN_IF_ERROR(call_->Check());
    const std::string path = absl::StrCat(parent, name);
    struct stat info {};
    if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return ErrnoStatus(errno, "stat " + path);
    if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0)) {
      return tar_->AddFile(absl::StrCat(parent, kWhiteoutPrefix, name), "");
    }
    if (S_ISSOCK(info.st_mode)) return absl::OkStatus();  // a tar has none
    if (S_ISDIR(info.st_mode)) {
      RETURN_IF_ERROR(WriteHeader(directory, name, path + "/", info));
      ASSIGN_OR_RETURN(const Fd child, OpenAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
      return WriteContents(child.get(), path + "/");
    }
    if (info.st_nlink > 1) {
      const auto [first, is_new] = links_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!is_new) return WriteHeader(directory, name, path, info, first->second);
    }
    RETURN_IF_ERROR(WriteHeader(directory, name, path, info));
    return S_ISREG(info.st_mode) ? WriteData(directory, name, path, info.st_size) : absl::OkStatus();
  }

  absl::Status WriteData(int directory, const std::string& name, const std::string& path, off_t size) {
    ASSIGN_OR_RETURN(const Fd file, OpenAt(directory, name, O_RDONLY | O_NOFOLLOW), path);
    off_t left = size;
    while (left > 0) {
      RETURN_IF_ERROR(call_->Check());
      const size_t most = std::min(buffer_.size(), static_cast<size_t>(left));
      const ssize_t count = TEMP_FAILURE_RETRY(read(file.get(), buffer_.data(), most));
      if (count < 0) return ErrnoStatus(errno, absl::StrCat("read ", path));
      if (count == 0) return absl::InternalError(absl::StrCat(path, " has become shorter while it was read"));
      RETURN_IF_ERROR(tar_->Data(absl::string_view(buffer_.data(), static_cast<size_t>(count))));
      left -= count;
    }
    return absl::OkStatus();
  }

  TarOutput* const tar_;
  const CallContext* const call_;
  std::string buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // files with several names: the first
};

}  // namespace

absl::Status WriteLayerTar(const std::string& directory, const TarOutput::Sink& sink, const CallContext& call) {
  ASSIGN_OR_RETURN(const Fd root, OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  TarOutput tar(sink);
  RETURN_IF_ERROR(tar.Open());
  LayerWalk walk(&tar, &call);
  ASSIGN_OR_RETURN(const bool carries_root, HasMark(root.get(), kRootCarriedXattr, directory));
  if (carries_root) {
    struct stat info {};
    if (fstat(root.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", directory));
    RETURN_IF_ERROR(walk.WriteHeader(root.get(), ".", "./", info));
  }
  RETURN_IF_ERROR(walk.WriteContents(root.get(), ""));
  return tar.Finish();
}

}  // namespace crisp
