#include "os/relabel.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "os/dir_stream.h"
#include "os/errno_status.h"
#include "os/fd.h"

namespace crisp {
namespace {

constexpr int kMostDepth = 1000;
constexpr char kAttribute[] = "security.selinux";

// By O_PATH nothing happens to devices and FIFOs. EXDEV if something is mounted there.
Fd OpenOnSameMount(int dir, const char* name) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV;
  return Fd(static_cast<int>(syscall(SYS_openat2, dir, name, &how, sizeof(how))));
}

// The path by which attributes of an O_PATH descriptor are reached: of a symbolic link its own, not its target's.
std::string PathOf(const Fd& fd) {
  return absl::StrCat("/proc/self/fd/", fd.get());
}

class Labeller {
 public:
  Labeller(const std::string& label, const CallContext& call) : label_(label), call_(call) {}

  absl::Status Visit(const Fd& node, int depth) {
    RETURN_IF_ERROR(call_.Check());
    struct stat info {};
    if (fstat(node.get(), &info) != 0) return ErrnoStatus(errno, "stat");
    if (S_ISDIR(info.st_mode)) RETURN_IF_ERROR(VisitContent(node, depth));
    return Label(node);
  }

 private:
  absl::Status VisitContent(const Fd& directory, int depth) {
    if (depth >= kMostDepth) return absl::InternalError("the tree is nested too deeply to be relabelled");
    Fd readable(openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!readable.valid()) return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, "open");
    DirStream stream(std::move(readable));
    while (const dirent* entry = stream.Next()) {
      const Fd child = OpenOnSameMount(stream.fd(), entry->d_name);
      if (!child.valid() && (errno == ENOENT || errno == EXDEV)) continue;
      if (!child.valid()) return ErrnoStatus(errno, absl::StrCat("open ", entry->d_name));
      RETURN_IF_ERROR(Visit(child, depth + 1), entry->d_name);
    }
    return stream.error() == 0 ? absl::OkStatus() : ErrnoStatus(stream.error(), "list directory");
  }

  bool HasLabel(const Fd& node) const {
    std::array<char, 256> value{};
    const ssize_t size = getxattr(PathOf(node).c_str(), kAttribute, value.data(), value.size());
    if (size < 0) return false;
    absl::string_view found(value.data(), static_cast<size_t>(size));
    if (!found.empty() && found.back() == '\0') found.remove_suffix(1);
    return found == label_;
  }

  absl::Status Label(const Fd& node) const {
    if (HasLabel(node)) return absl::OkStatus();
    if (setxattr(PathOf(node).c_str(), kAttribute, label_.data(), label_.size(), 0) == 0) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("set the SELinux label ", label_));
  }

  const std::string& label_;
  const CallContext& call_;
};

}  // namespace

absl::Status RelabelTree(const std::string& path, const std::string& label, const CallContext& call) {
  const Fd top(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!top.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  const absl::Status labelled = Labeller(label, call).Visit(top, 0);
  return ErrnoOf(labelled) == ENOTSUP ? absl::OkStatus() : Annotate(labelled, path);
}

}  // namespace crisp
