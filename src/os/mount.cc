#include "os/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "os/errno_status.h"
#include "os/fd.h"

// <sys/mount.h> of glibc 2.36 and <linux/mount.h> define the same names and cannot both be included.
extern "C" int umount2(const char* target, int flags) noexcept;
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;

namespace crisp {
namespace {

constexpr int kDetach = 2;              // MNT_DETACH
constexpr int kNoFollow = 8;            // UMOUNT_NOFOLLOW
constexpr unsigned long kReadOnly = 1;  // MS_RDONLY

constexpr size_t kMostOptionBytes = 4095;    // one page with its NUL, mount(2), NOTES
constexpr size_t kMostParameterBytes = 255;  // of one string given to fsconfig(2)

// A file system being set up by fsopen(2).
class NewFilesystem {
 public:
  explicit NewFilesystem(const char* type) : context_(static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC))) {
    if (!context_.valid()) Fail(absl::StrCat("open file system ", type));
  }

  void Set(const char* key, const std::string& value) {
    if (!status_.ok()) return;
    if (syscall(SYS_fsconfig, context_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
      Fail(absl::StrCat("set ", key, "=", value));
    }
  }

  absl::Status AttachAt(const std::string& target, unsigned attributes) {
    if (status_.ok() && syscall(SYS_fsconfig, context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
      Fail("create file system");
    }
    if (!status_.ok()) return status_;
    Fd mount(static_cast<int>(syscall(SYS_fsmount, context_.get(), FSMOUNT_CLOEXEC, attributes)));
    if (!mount.valid()) return ErrnoStatus(errno, "make mount");
    if (syscall(SYS_move_mount, mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      return ErrnoStatus(errno, "attach mount");
    }
    return absl::OkStatus();
  }

 private:
  void Fail(absl::string_view what) {
    status_ = ErrnoStatus(errno, what);
    // Each read of the context returns one message of the kernel: "e text".
    char message[512];
    const ssize_t n = context_.valid() ? read(context_.get(), message, sizeof(message)) : 0;
    if (n > 2) {
      absl::string_view text(message + 2, static_cast<size_t>(n) - 2);
      while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
      status_ = absl::Status(status_.code(), absl::StrCat(status_.message(), " (", text, ")"));
    }
  }

  Fd context_;
  absl::Status status_;
};

std::vector<const std::string*> PathsOf(const OverlayMount& mount) {
  std::vector<const std::string*> paths = {&mount.upper, &mount.work};
  for (const std::string& lower : mount.lower) paths.push_back(&lower);
  return paths;
}

absl::Status CheckPaths(const OverlayMount& mount) {
  for (const std::string* path : PathsOf(mount)) {
    if (path->find_first_of(",:\\") != std::string::npos) {
      return absl::InternalError(absl::StrCat(*path, " has a comma, colon or backslash, which overlayfs cannot take"));
    }
  }
  return absl::OkStatus();
}

// Whether overlayfs accepts lower directories one by one. Tried once, on a context that is then closed. Before
// Linux 6.5 overlayfs accepts any option until the file system is created: if it accepts one that does not exist, the
// answer is no.
bool HasLowerdirPlus() {
  static const bool has = [] {
    const Fd context(static_cast<int>(syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
    const auto takes = [&context](const char* option) {
      return syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, option, "/", 0) == 0;
    };
    return context.valid() && !takes("no-such-option") && takes("lowerdir+");
  }();
  return has;
}

// The directory that all of `paths`, which are absolute, are in; with "/" at the end.
std::string CommonDirectory(const std::vector<std::string>& paths) {
  std::string common = paths.empty() ? "/" : paths.front();
  common.resize(common.rfind('/') + 1);
  for (const std::string& path : paths) {
    while (!absl::StartsWith(path, common)) common.resize(common.rfind('/', common.size() - 2) + 1);
  }
  return common;
}

// The options of mount(2), with lower directories that lack their first `skip` bytes.
std::string OptionsOf(const OverlayMount& request, size_t skip) {
  std::vector<absl::string_view> lower;
  for (const absl::string_view path : request.lower) lower.push_back(path.substr(skip));
  std::string options = absl::StrCat("lowerdir=", absl::StrJoin(lower, ":"));
  if (!request.upper.empty()) absl::StrAppend(&options, ",upperdir=", request.upper, ",workdir=", request.work);
  return options;
}

absl::Status MountWithOptions(const OverlayMount& request, const std::string& options, const std::string& what) {
  const unsigned long flags = request.upper.empty() ? kReadOnly : 0;
  if (mount("overlay", request.target.c_str(), "overlay", flags, options.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, what);
}

}  // namespace

absl::Status MountOverlay(const OverlayMount& mount) {
  bool by_parameters = HasLowerdirPlus();
  for (const std::string* path : PathsOf(mount)) by_parameters = by_parameters && path->size() <= kMostParameterBytes;
  if (!by_parameters) return MountOverlayByOptions(mount);

  RETURN_IF_ERROR(CheckPaths(mount), "mount overlay on ", mount.target);
  NewFilesystem overlay("overlay");
  overlay.Set("source", "overlay");
  for (const std::string& lower : mount.lower) overlay.Set("lowerdir+", lower);
  if (!mount.upper.empty()) {
    overlay.Set("upperdir", mount.upper);
    overlay.Set("workdir", mount.work);
  }
  return Annotate(overlay.AttachAt(mount.target, mount.upper.empty() ? MOUNT_ATTR_RDONLY : 0),
                  absl::StrCat("mount overlay on ", mount.target));
}

absl::Status MountOverlayByOptions(const OverlayMount& request) {
  const std::string what = absl::StrCat("mount overlay on ", request.target);
  RETURN_IF_ERROR(CheckPaths(request), what);
  std::string options = OptionsOf(request, 0);
  if (options.size() <= kMostOptionBytes) return MountWithOptions(request, options, what);
  const std::string common = CommonDirectory(request.lower);
  options = OptionsOf(request, common.size());
  if (options.size() > kMostOptionBytes) {
    return absl::InternalError(absl::StrCat(what, ": the ", request.lower.size(), " layers' paths take ",
                                            options.size(), " bytes of mount options, and before Linux 6.7 only ",
                                            kMostOptionBytes,
                                            " can be given: use a newer kernel, or an image with fewer layers"));
  }
  absl::Status status;
  ASSIGN_OR_RETURN(std::thread thread,
                   StartThread("a mount",
                               [&] {
                                 // The working directory becomes that of this thread alone.
                                 const bool there = unshare(CLONE_FS) == 0 && chdir(common.c_str()) == 0;
                                 status = there ? MountWithOptions(request, options, what)
                                                : ErrnoStatus(errno, absl::StrCat(what, ": work in ", common));
                               }),
                   what);
  thread.join();
  return status;
}

absl::Status MountTmpfs(const std::string& target, const std::string& size, const std::string& mode) {
  NewFilesystem tmpfs("tmpfs");
  tmpfs.Set("source", "shm");
  tmpfs.Set("size", size);
  tmpfs.Set("mode", mode);
  return Annotate(tmpfs.AttachAt(target, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
                  absl::StrCat("mount tmpfs on ", target));
}

absl::Status BindMount(const std::string& source, const std::string& target) {
  Fd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree.valid()) return ErrnoStatus(errno, absl::StrCat("bind ", source));
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, absl::StrCat("bind ", source, " on ", target));
  }
  return absl::OkStatus();
}

absl::Status Unmount(const std::string& target) {
  if (umount2(target.c_str(), kDetach | kNoFollow) == 0 || errno == EINVAL || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("unmount ", target));
}

}  // namespace crisp
