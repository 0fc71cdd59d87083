#include "network/cni_config.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMaxFile = 1 << 20;
constexpr std::array<absl::string_view, 5> kVersions = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

size_t VersionRank(absl::string_view version) {
  return static_cast<size_t>(std::find(kVersions.begin(), kVersions.end(), version) - kVersions.begin());
}

bool IsKnownVersion(absl::string_view version) {
  return VersionRank(version) < kVersions.size();
}

absl::Status Fault(absl::string_view text) {
  return absl::InternalError(text);
}

// "cniVersions" (spec 1.1.0) offers several: the newest that both sides know is used.
absl::StatusOr<std::string> VersionOf(const Json& json) {
  std::string version = StringAt(json, "cniVersion");
  if (const auto offered = json.find("cniVersions"); offered != json.end() && offered->is_array()) {
    for (const Json& each : *offered) {
      if (!each.is_string() || !IsKnownVersion(each.get_ref<const std::string&>())) continue;
      if (!IsKnownVersion(version) || CniVersionLess(version, each.get_ref<const std::string&>())) version = each;
    }
  }
  if (version.empty()) return Fault("no cniVersion: add \"cniVersion\": \"1.0.0\"");
  if (IsKnownVersion(version)) return version;
  return Fault(absl::StrCat("cniVersion ", Excerpt(version), " is not supported: use 0.3.0, 0.3.1, 0.4.0 or 1.0.0"));
}

bool IsBoolOrItsName(const Json& value) {
  return value.is_boolean() || value == "true" || value == "false";
}

absl::Status CheckCapabilities(const Json& plugin) {
  const auto capabilities = plugin.find("capabilities");
  if (capabilities == plugin.end()) return absl::OkStatus();
  if (!capabilities->is_object()) return Fault("capabilities is not an object");
  for (const auto& [name, value] : capabilities->items()) {
    if (!value.is_boolean()) return Fault(absl::StrCat("capability ", Excerpt(name), " is neither true nor false"));
  }
  return absl::OkStatus();
}

// The type becomes the name of a program in bin_dirs: it must not lead out of them.
absl::Status CheckPlugin(const Json& plugin) {
  if (!plugin.is_object()) return Fault("not an object");
  const std::string type = StringAt(plugin, "type");
  if (type.empty()) return Fault("no type");
  if (absl::StrContains(type, "/") || absl::StrContains(type, absl::string_view("\0", 1)) || type == "." ||
      type == "..") {
    return Fault(absl::StrCat("type \"", Excerpt(type), "\" is not the name of a program"));
  }
  return CheckCapabilities(plugin);
}

absl::Status CheckPlugins(const Json& plugins) {
  if (!plugins.is_array()) return Fault("no list of plugins");
  if (plugins.empty()) return Fault("the list of plugins is empty");
  size_t number = 0;
  for (const Json& plugin : plugins) {
    ++number;
    RETURN_IF_ERROR(CheckPlugin(plugin), "plugin ", number);
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> PluginsOf(const Json& json, bool is_list) {
  if (is_list) {
    // CHECK is not used here; a value that other runtimes refuse is still a fault.
    if (json.contains("disableCheck") && !IsBoolOrItsName(json["disableCheck"])) {
      return Fault("disableCheck is neither true nor false");
    }
    return json.value("plugins", Json());
  }
  if (json.contains("plugins")) return Fault("has a list of plugins: name the file .conflist");
  return Json::array({json});
}

// Not through a FIFO, which would wait for a writer for ever.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const Fd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (!S_ISREG(info.st_mode)) return Fault("not a regular file");
  return ReadFd(fd.get(), kMaxFile, path);
}

absl::StatusOr<CniConfigList> LoadCniConfig(const std::string& dir, const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(absl::StrCat(dir, "/", file)));
  return ParseCniConfig(file, text);
}

bool IsConfigFile(absl::string_view file) {
  return absl::EndsWith(file, ".conflist") || absl::EndsWith(file, ".conf") || absl::EndsWith(file, ".json");
}

}  // namespace

bool IsCniName(absl::string_view text) {
  return !text.empty() && absl::ascii_isalnum(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
         });
}

bool CniVersionLess(absl::string_view a, absl::string_view b) {
  return VersionRank(a) < VersionRank(b);
}

Json CniConfigList::ToJson() const {
  return {{"cniVersion", version}, {"name", name}, {"plugins", plugins}};
}

absl::StatusOr<CniConfigList> ParseCniConfig(const std::string& file, absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJsonObject(text));
  CniConfigList config;
  config.file = file;
  config.name = StringAt(json, "name");
  if (config.name.empty()) return Fault("no name");
  if (!IsCniName(config.name)) return Fault(absl::StrCat("name \"", Excerpt(config.name), "\" is not a CNI name"));
  ASSIGN_OR_RETURN(config.version, VersionOf(json));
  ASSIGN_OR_RETURN(config.plugins, PluginsOf(json, absl::EndsWith(file, ".conflist")));
  RETURN_IF_ERROR(CheckPlugins(config.plugins));
  return config;
}

CniConfigs LoadCniConfigs(const std::string& dir, int max) {
  CniConfigs configs;
  const auto files = ListDir(dir);
  if (!files.ok()) {
    if (ErrnoOf(files.status()) != ENOENT) configs.faults.emplace_back(files.status().message());
    return configs;
  }
  for (const std::string& file : *files) {
    if (max > 0 && configs.networks.size() >= static_cast<size_t>(max)) break;
    if (!IsConfigFile(file)) continue;
    auto config = LoadCniConfig(dir, file);
    if (config.ok()) {
      configs.networks.push_back(*std::move(config));
    } else {
      configs.faults.push_back(absl::StrCat(file, ": ", config.status().message()));
    }
  }
  return configs;
}

}  // namespace crisp
