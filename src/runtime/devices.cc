#include "runtime/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/path.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

constexpr size_t kMostDevices = 1024;
constexpr int kDeepest = 16;

bool IsDevice(mode_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
}

HostDevice ToDevice(const std::string& path, const struct stat& info) {
  HostDevice device;
  device.path = path;
  device.type = S_ISCHR(info.st_mode) ? 'c' : 'b';
  device.major = major(info.st_rdev);
  device.minor = minor(info.st_rdev);
  device.mode = info.st_mode & 07777;
  device.uid = info.st_uid;
  device.gid = info.st_gid;
  return device;
}

// `file_system` is that of /dev; what is mounted below is left out.
absl::Status AddHostDevices(const std::string& dir, dev_t file_system, std::vector<HostDevice>& devices) {
  absl::StatusOr<std::vector<std::string>> names = ListDir(dir);
  if (!names.ok()) return ErrnoOf(names.status()) == ENOENT ? absl::OkStatus() : names.status();
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(dir, "/", name);
    struct stat info {};
    if (path == "/dev/console" || lstat(path.c_str(), &info) != 0 || info.st_dev != file_system) continue;
    if (S_ISDIR(info.st_mode)) {
      RETURN_IF_ERROR(AddHostDevices(path, file_system, devices));
    } else if (IsDevice(info.st_mode)) {
      devices.push_back(ToDevice(path, info));
    }
  }
  return absl::OkStatus();
}

class Search {
 public:
  Search(const std::string& permissions, absl::string_view field) : permissions_(permissions), field_(field) {}

  // Skips links: /dev has many, and each device is found at its own place.
  absl::Status Directory(const std::string& host, const std::string& container, int depth) {
    if (depth > kDeepest) return InvalidField(field_, "its host_path is a directory of too many levels");
    const absl::StatusOr<std::vector<std::string>> names = ListDir(host);
    if (!names.ok()) return ErrnoOf(names.status()) == ENOENT ? absl::OkStatus() : names.status();
    for (const std::string& name : *names) {
      const std::string host_path = absl::StrCat(host, "/", name);
      const std::string container_path = absl::StrCat(container, "/", name);
      struct stat info {};
      if (lstat(host_path.c_str(), &info) != 0) continue;  // gone since
      if (S_ISDIR(info.st_mode)) RETURN_IF_ERROR(Directory(host_path, container_path, depth + 1));
      if (IsDevice(info.st_mode)) RETURN_IF_ERROR(Add(container_path, info));
    }
    return absl::OkStatus();
  }

  absl::Status Add(const std::string& path, const struct stat& info) {
    if (found_.size() == kMostDevices) {
      return InvalidField(field_, absl::StrCat("its host_path has more than ", kMostDevices, " devices"));
    }
    found_.push_back({ToDevice(path, info), permissions_.empty() ? "rwm" : permissions_});
    return absl::OkStatus();
  }

  std::vector<ContainerDevice> Take() && { return std::move(found_); }

 private:
  const std::string& permissions_;
  const absl::string_view field_;
  std::vector<ContainerDevice> found_;
};

absl::Status CheckAbsolute(const std::string& path, const std::string& field) {
  if (path.empty()) return InvalidField(field, "is required");
  if (path[0] != '/') return InvalidField(field, absl::StrCat("\"", path, "\" is not an absolute path"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<HostDevice>> HostDevices() {
  struct stat info {};
  if (stat("/dev", &info) != 0) return ErrnoStatus(errno, "stat /dev");
  std::vector<HostDevice> devices;
  RETURN_IF_ERROR(AddHostDevices("/dev", info.st_dev, devices));
  return devices;
}

absl::Status CheckDevice(const cri::Device& device, absl::string_view field) {
  RETURN_IF_ERROR(CheckAbsolute(device.host_path(), absl::StrCat(field, ".host_path")));
  const std::string container_path = absl::StrCat(field, ".container_path");
  RETURN_IF_ERROR(CheckAbsolute(device.container_path(), container_path));
  if (LexicallyNormalPath(device.container_path()) == "/") {
    return InvalidField(container_path, "is the root directory; name the device, or the directory for several");
  }
  const std::set<char> letters(device.permissions().begin(), device.permissions().end());
  const bool known = device.permissions().find_first_not_of("rwm") == std::string::npos;
  if (known && letters.size() == device.permissions().size()) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".permissions"), "is not of the letters r, w and m, each once");
}

absl::StatusOr<std::vector<ContainerDevice>> FindDevices(const cri::Device& device, absl::string_view field) {
  const std::string host_field = absl::StrCat(field, ".host_path");
  struct stat info {};
  if (stat(device.host_path().c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return InvalidField(host_field, absl::StrCat("there is no ", device.host_path(), " on this node"));
    }
    return ErrnoStatus(errno, absl::StrCat("find device ", device.host_path()));
  }
  Search search(device.permissions(), field);
  const std::string path = LexicallyNormalPath(device.container_path());
  if (IsDevice(info.st_mode)) {
    RETURN_IF_ERROR(search.Add(path, info));
  } else if (S_ISDIR(info.st_mode)) {
    RETURN_IF_ERROR(search.Directory(device.host_path(), path, 0));
  } else {
    return InvalidField(host_field,
                        absl::StrCat(device.host_path(), " is neither a device nor a directory with devices"));
  }
  return std::move(search).Take();
}

}  // namespace crisp
