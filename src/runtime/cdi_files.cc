#include "runtime/cdi_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

constexpr const char* kAnnotation = "cdi.k8s.io/";
constexpr const char* kField = "config.CDI_devices";
constexpr size_t kMaxFile = 4 << 20;

struct Place {
  std::shared_ptr<const CdiSpec> spec;
  size_t directory = 0;
  std::string file;
  bool twice = false;  // another file of the same directory has it too
};

struct Devices {
  std::map<std::string, Place> places;  // by "kind=name"
  std::vector<std::string> faults;      // files that could not be read
};

bool IsYaml(absl::string_view name) {
  return absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml");
}

absl::StatusOr<CdiSpec> ReadSpec(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (!S_ISREG(info.st_mode)) return absl::InternalError("not a regular file");
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, kMaxFile));
  return ParseCdiSpec(text, IsYaml(path));
}

void AddSpec(CdiSpec parsed, size_t directory, const std::string& path, Devices* devices) {
  const auto spec = std::make_shared<const CdiSpec>(std::move(parsed));
  for (const auto& [name, edits] : spec->devices) {
    const auto [at, added] =
        devices->places.try_emplace(absl::StrCat(spec->kind, "=", name), Place{spec, directory, path});
    if (added) continue;
    if (at->second.directory == directory) {
      at->second.twice = true;
    } else {
      at->second = {spec, directory, path};
    }
  }
}

Devices ReadAll(const std::vector<std::string>& directories) {
  Devices devices;
  for (size_t i = 0; i < directories.size(); ++i) {
    const absl::StatusOr<std::vector<std::string>> names = ListDir(directories[i]);
    if (!names.ok()) {
      if (ErrnoOf(names.status()) != ENOENT) devices.faults.emplace_back(names.status().message());
      continue;
    }
    for (const std::string& name : *names) {
      if (!absl::EndsWith(name, ".json") && !IsYaml(name)) continue;
      const std::string path = absl::StrCat(directories[i], "/", name);
      absl::StatusOr<CdiSpec> spec = ReadSpec(path);
      if (spec.ok()) AddSpec(*std::move(spec), i, path, &devices);
      if (!spec.ok()) devices.faults.push_back(absl::StrCat(path, ": ", spec.status().message()));
    }
  }
  return devices;
}

// Type, numbers and mode of a node that does not say them are those of the host's; its owner is not (spec_devices.cc).
// A node that says type and numbers need not be on the host.
absl::Status Complete(CdiDeviceNode* node) {
  const bool whole = node->type == 'p' || (node->type != '\0' && node->major && node->minor);
  if (whole && node->file_mode) return absl::OkStatus();
  struct stat info {};
  if (stat(node->host_path.c_str(), &info) != 0) {
    if (whole) return absl::OkStatus();
    return InvalidField(
        kField, absl::StrCat("its CDI file names ", node->host_path, ": ", ErrnoStatus(errno, "stat").message()));
  }
  const bool device = S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode);
  if (!node->file_mode && (device || S_ISFIFO(info.st_mode))) node->file_mode = info.st_mode & 07777;
  if (whole) return absl::OkStatus();
  if (!device) {
    return InvalidField(kField, absl::StrCat("its CDI file names ", node->host_path, ", which is not a device"));
  }
  if (node->type == '\0') node->type = S_ISCHR(info.st_mode) ? 'c' : 'b';
  if (!node->major) node->major = major(info.st_rdev);
  if (!node->minor) node->minor = minor(info.st_rdev);
  return absl::OkStatus();
}

absl::Status NotThere(const std::string& name, const std::vector<std::string>& directories, const Devices& devices) {
  const std::string why = absl::StrCat("no CDI device \"", name, "\" in ", absl::StrJoin(directories, ", "));
  if (devices.faults.empty()) return InvalidField(kField, why);
  return InvalidField(kField, absl::StrCat(why, "; not read: ", absl::StrJoin(devices.faults, "; ")));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CdiNamesOf(const cri::ContainerConfig& container) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name, absl::string_view field) -> absl::Status {
    if (!ParseCdiName(name)) return InvalidField(field, absl::StrCat("\"", name, "\" is not vendor/class=name"));
    if (seen.insert(name).second) names.push_back(name);
    return absl::OkStatus();
  };
  for (int i = 0; i < container.cdi_devices_size(); ++i) {
    RETURN_IF_ERROR(add(container.cdi_devices(i).name(), absl::StrCat(kField, "[", i, "].name")));
  }
  const std::map<std::string, std::string> annotations(container.annotations().begin(), container.annotations().end());
  for (const auto& [key, value] : annotations) {
    if (!absl::StartsWith(key, kAnnotation)) continue;
    for (absl::string_view name : absl::StrSplit(value, ',')) {
      RETURN_IF_ERROR(
          add(std::string(absl::StripAsciiWhitespace(name)), absl::StrCat("config.annotations[\"", key, "\"]")));
    }
  }
  return names;
}

absl::StatusOr<CdiEdits> FindCdiDevices(const std::vector<std::string>& directories,
                                        const std::vector<std::string>& names) {
  CdiEdits edits;
  if (names.empty()) return edits;
  const Devices devices = ReadAll(directories);
  std::set<const CdiSpec*> seen;
  for (const std::string& name : names) {
    const auto found = devices.places.find(name);
    if (found == devices.places.end()) return NotThere(name, directories, devices);
    const Place& place = found->second;
    if (place.twice) {
      return InvalidField(kField, absl::StrCat("CDI device \"", name, "\" is in ", place.file,
                                               " and in another file of that directory; remove one"));
    }
    if (seen.insert(place.spec.get()).second) edits.Append(place.spec->edits);
    edits.Append(place.spec->devices.at(ParseCdiName(name)->device));
  }
  for (CdiDeviceNode& node : edits.device_nodes) RETURN_IF_ERROR(Complete(&node));
  return edits;
}

}  // namespace crisp
