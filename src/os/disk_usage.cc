#include "os/disk_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

using DirStream = std::unique_ptr<DIR, decltype([](DIR* dir) { closedir(dir); })>;

constexpr int kMostDepth = 256;

class Counter {
 public:
  Counter(DiskUsage* usage, const Call& call) : usage_(usage), call_(call) {}

  absl::Status Start(Fd directory) {
    struct stat info {};
    if (fstat(directory.get(), &info) != 0) return ErrnoStatus(errno, "stat");
    device_ = info.st_dev;
    Count(info);
    return Walk(std::move(directory), 0);
  }

  void Count(const struct stat& info) {
    const auto names = std::max<uint64_t>(1, S_ISDIR(info.st_mode) ? 1 : info.st_nlink);
    usage_->bytes += static_cast<uint64_t>(info.st_blocks) * 512 / names;
    usage_->inodes += 1;
  }

 private:
  absl::Status Walk(Fd directory, int depth) {
    RETURN_IF_ERROR(call_.Check());
    const int fd = directory.get();
    DirStream stream(fdopendir(fd));
    if (stream == nullptr) return ErrnoStatus(errno, "list directory");
    directory.release();
    for (errno = 0; const dirent* entry = readdir(stream.get()); errno = 0) {
      const absl::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      RETURN_IF_ERROR(Visit(fd, entry->d_name, depth), name);
    }
    return errno == 0 ? absl::OkStatus() : ErrnoStatus(errno, "list directory");
  }

  absl::Status Visit(int dir, const char* name, int depth) {
    struct stat info {};
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, "stat");
    }
    if (info.st_dev != device_) return absl::OkStatus();
    Count(info);
    if (!S_ISDIR(info.st_mode) || depth >= kMostDepth) return absl::OkStatus();
    Fd child(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child.valid()) return errno == ENOENT || errno == ENOTDIR ? absl::OkStatus() : ErrnoStatus(errno, "open");
    return Walk(std::move(child), depth + 1);
  }

  DiskUsage* usage_;
  const Call& call_;
  dev_t device_ = 0;
};

}  // namespace

absl::Status AddDiskUsage(Fd directory, DiskUsage* usage, const Call& call) {
  return Counter(usage, call).Start(std::move(directory));
}

}  // namespace crisp
