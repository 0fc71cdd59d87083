// The Container Device Interface 1.1 (github.com/cncf-tags/container-device-interface, SPEC.md): files in which a
// vendor describes what a container needs to use a device. The node's operator installs and trusts them: their form and
// size are checked, not what they grant. A pure parser; cdi_files.h finds the files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

struct CdiDeviceNode {
  std::string path;       // in the container
  std::string host_path;  // `path`, unless given
  char type = '\0';       // 'c', 'b', 'u' or 'p'; '\0': as on the host
  std::optional<int64_t> major, minor;
  std::optional<uint32_t> file_mode, uid, gid;
  std::string permissions = "rwm";
  bool operator==(const CdiDeviceNode&) const = default;
};

struct CdiMount {
  std::string host_path, container_path, type;
  std::vector<std::string> options;
  bool operator==(const CdiMount&) const = default;
};

struct CdiHook {
  std::string name;  // as in runtime-spec, "hooks"
  std::string path;
  std::vector<std::string> args, env;
  std::optional<int64_t> timeout;  // seconds
  bool operator==(const CdiHook&) const = default;
};

struct CdiEdits {
  std::vector<std::string> env;  // "NAME=value"
  std::vector<CdiDeviceNode> device_nodes;
  std::vector<CdiMount> mounts;
  std::vector<CdiHook> hooks;
  std::vector<uint32_t> additional_gids;

  void Append(const CdiEdits& more);
  bool operator==(const CdiEdits&) const = default;
};

// One file.
struct CdiSpec {
  std::string kind;  // "vendor.com/class"
  std::map<std::string, CdiEdits> devices;
  CdiEdits edits;  // for every container that gets one of the devices
};

// InvalidArgument naming the place of an error. Unknown keys are errors, and so are edits that crisp does not support
// (intelRdt, netDevices).
absl::StatusOr<CdiSpec> ParseCdiSpec(absl::string_view text, bool yaml);

// "vendor.com/class=name".
struct CdiName {
  std::string kind;
  std::string device;
};
std::optional<CdiName> ParseCdiName(absl::string_view text);

}  // namespace crisp
