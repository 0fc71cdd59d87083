#include "doctor/scratch_dir.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "os/dir_stream.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"

namespace crisp {
namespace {

constexpr char kFile[] = "file";

absl::Status EnterMountNamespace() {
  if (unshare(CLONE_NEWNS) != 0) return ErrnoStatus(errno, "make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return ErrnoStatus(errno, "make mounts private");
  return absl::OkStatus();
}

absl::Status UseOverlay(const OverlayMount& overlay) {
  RETURN_IF_ERROR(EnterMountNamespace());
  RETURN_IF_ERROR(MountOverlay(overlay), "mount an overlay");
  const std::string merged = absl::StrCat(overlay.target, "/", kFile);
  absl::Status status;
  if (unlink(merged.c_str()) != 0) status = ErrnoStatus(errno, "remove a file of a lower directory");
  if (status.ok() && !Exists(absl::StrCat(overlay.upper, "/", kFile))) {
    status = absl::InternalError("a removed file has left no whiteout in the upper directory");
  }
  return Join(status, Unmount(overlay.target));
}

}  // namespace

std::string NearestExisting(std::string path) {
  while (!Exists(path)) path = path.find_last_of('/') == 0 ? "/" : path.substr(0, path.find_last_of('/'));
  return path;
}

absl::StatusOr<ScratchDir> ScratchDir::Make(std::string parent) {
  parent = NearestExisting(std::move(parent));
  std::string path = absl::StrCat(parent, "/doctor-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, absl::StrCat("make a directory in ", parent));
  return ScratchDir(std::move(path));
}

ScratchDir::ScratchDir(ScratchDir&& other) noexcept : path_(std::exchange(other.path_, "")) {}

ScratchDir::~ScratchDir() {
  if (!path_.empty()) RemoveTree(path_).IgnoreError();  // nobody could do more about it here
}

absl::Status TryOverlay(const std::string& scratch) {
  OverlayMount overlay;
  overlay.lower = {absl::StrCat(scratch, "/lower")};
  overlay.upper = absl::StrCat(scratch, "/upper");
  overlay.work = absl::StrCat(scratch, "/work");
  overlay.target = absl::StrCat(scratch, "/merged");
  for (const std::string& path : {overlay.lower[0], overlay.upper, overlay.work, overlay.target}) {
    RETURN_IF_ERROR(MakeDirs(path, 0700));
  }
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, absl::StrCat(overlay.lower[0], "/", kFile), "", 0600));
  // A thread has a mount namespace of its own (unshare(2)), and the namespace ends with it.
  absl::Status status;
  ASSIGN_OR_RETURN(std::thread thread, StartThread("an overlay", [&] { status = UseOverlay(overlay); }));
  thread.join();
  return status;
}

absl::Status TryAttributes(const std::string& scratch) {
  if (setxattr(scratch.c_str(), "trusted.crisp.doctor", "y", 1, 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "set the extended attribute trusted.crisp.doctor");
}

absl::Status TryFileTypes(const std::string& scratch) {
  const std::string directory = absl::StrCat(scratch, "/types");
  RETURN_IF_ERROR(MakeDirs(absl::StrCat(directory, "/one"), 0700));
  ASSIGN_OR_RETURN(Fd fd, OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  DirStream stream(std::move(fd));
  const dirent* const entry = stream.Next();
  if (entry == nullptr) return ErrnoStatus(stream.error() != 0 ? stream.error() : ENOENT, directory);
  if (entry->d_type == DT_DIR) return absl::OkStatus();
  return absl::InternalError("readdir(3) does not tell the types of files (d_type)");
}

}  // namespace crisp
