#include "os/disk_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/status_macros.h"
#include "os/dir_stream.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

constexpr int kMostDepth = 256;

class Counter {
 public:
  Counter(DiskUsage* usage, const CallContext& call) : usage_(usage), call_(call) {}

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
    DirStream stream(std::move(directory));
    while (const dirent* entry = stream.Next()) {
      RETURN_IF_ERROR(Visit(stream.fd(), entry->d_name, depth), entry->d_name);
    }
    return stream.error() == 0 ? absl::OkStatus() : ErrnoStatus(stream.error(), "list directory");
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
  const CallContext& call_;
  dev_t device_ = 0;
};

}  // namespace

absl::Status AddDiskUsage(Fd directory, DiskUsage* usage, const CallContext& call) {
  return Counter(usage, call).Start(std::move(directory));
}

}  // namespace crisp
