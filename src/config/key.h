// What is known of one key of the configuration file. The table of all of them is keys.cc.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "config/config.h"
#include "config/value.h"

namespace crisp {

enum class Policy {
  kHonoured,     // does what it says
  kDefaultOnly,  // crisp only has the default; another value is named in a warning
  kMeaningless,  // is about a part of containerd that crisp has not; a value other than the default is named in a
                 // warning
  kRefused,      // a value other than the default is an error that says what to do instead
};

// The configuration while its files are being read, with what one key cannot tell alone.
struct Draft {
  Config config;
  std::vector<std::string> imports;                                  // of the file that is being read
  std::string cni_bin_dir;                                           // cri.cni.bin_dir
  std::vector<std::string> cni_bin_dirs;                             // cri.cni.bin_dirs
  std::string registry_config_path;                                  // cri.registry.config_path
  std::map<std::string, RegistryAuthConfig> legacy_auth;             // cri.registry.auths, by host
  std::map<std::string, std::map<std::string, std::string>> faults;  // why a handler cannot run: by its name and key
  std::set<std::string> foreign_handlers;                            // those of another shim, whose options it knows
};

// One key as the file has it.
struct Setting {
  std::vector<std::string> names;  // what stands for the "*" of the key's path, in order
  FileValue value;
  std::function<void(const std::string& text)> warn;
};

// Puts a setting into the draft. An error says what is wrong with the value; place and key are put before it.
using Setter = absl::Status (*)(const Setting& setting, Draft* draft);

struct Key {
  // Where it is in a version 2 file: names with "/" between, "*" for a name that the user chooses, "**" at the end for
  // everything below, "[]" for each table of an array. "cri/" stands for plugins/io.containerd.grpc.v1.cri/.
  const char* path;
  // Where it is in a version 3 file: kSame, kNowhere; for keys of cri/ kServer, kRuntime or kImages, the plugin that
  // the rest of the path has moved to; or a whole path, in which these words stand for the plugin. What version 4 moved
  // stands in key_path.cc.
  const char* path3;
  Policy policy;
  ValueType type;
  // Of containerd, or with kHonoured of crisp: items of a list with commas between, the defaults of several versions of
  // containerd with "|" between.
  const char* default_value;
  const char* note = "";                 // kRefused: what to do instead; of others: why another value has no effect
  Setter set = nullptr;                  // kHonoured; others may check
  bool secret = false;                   // the value is not to be shown
  const char* default_value3 = nullptr;  // since version 3 of the file; null: the same
};

inline constexpr char kSame[] = "";
inline constexpr char kNowhere[] = "-";
inline constexpr char kServer[] = "server";    // plugins."io.containerd.grpc.v1.cri"
inline constexpr char kRuntime[] = "runtime";  // plugins."io.containerd.cri.v1.runtime"
inline constexpr char kImages[] = "images";    // plugins."io.containerd.cri.v1.images"

// Stands for PlatformOfThisNode() in Key::default_value.
inline constexpr char kHostPlatform[] = "@host";

absl::Span<const Key> Keys();

// This machine's platform by the names that OCI uses: "linux/amd64".
std::string PlatformOfThisNode();

}  // namespace crisp
