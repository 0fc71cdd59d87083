#include "os/socket_path.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/fd.h"

namespace crisp {
namespace {

const char* KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISREG(mode)) return "a file";
  if (S_ISLNK(mode)) return "a link that leads nowhere";
  return "something that is no socket";
}

absl::Status CheckFree(const std::string& path, absl::string_view key) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 && lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (S_ISSOCK(info.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("listen on ", path, ": ", KindOf(info.st_mode), " is there; remove it, or set ", key));
}

}  // namespace

absl::Status CheckSocketPath(const std::string& path, absl::string_view key) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path[0] != '/' || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(key, " \"", path, "\": must be an absolute path of at most ",
                                                   sizeof(address.sun_path) - 1, " bytes"));
  }
  RETURN_IF_ERROR(CheckFree(path, key));
  memcpy(address.sun_path, path.data(), path.size());
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen on ", path, ": another server answers there; stop it, or set ", key));
  }
  return absl::OkStatus();
}

}  // namespace crisp
