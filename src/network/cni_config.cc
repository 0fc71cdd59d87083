#include "network/cni_config.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/excerpt.h"
#include "base/json_reader.h"
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

// With "cniVersions" (spec 1.1.0) a file offers several versions. The newest supported one is used.
absl::StatusOr<std::string> VersionOf(const JsonReader& json) {
  ASSIGN_OR_RETURN(std::string version, json.String("cniVersion"));
  ASSIGN_OR_RETURN(const std::vector<std::string> offered, json.Strings("cniVersions"));
  for (const std::string& each : offered) {
    if (!IsKnownVersion(each)) continue;
    if (!IsKnownVersion(version) || CniVersionLess(version, each)) version = each;
  }
  if (version.empty()) return Fault("no cniVersion: add \"cniVersion\": \"1.0.0\"");
  if (IsKnownVersion(version)) return version;
  return Fault(absl::StrCat("cniVersion ", Excerpt(version), " is not supported: use 0.3.0, 0.3.1, 0.4.0 or 1.0.0"));
}

absl::StatusOr<std::set<std::string>> CapabilitiesOf(const JsonReader& plugin) {
  std::set<std::string> declared;
  ASSIGN_OR_RETURN(const std::optional<JsonReader> capabilities, plugin.Object("capabilities"));
  if (!capabilities.has_value()) return declared;
  for (const std::string& name : capabilities->Keys()) {
    ASSIGN_OR_RETURN(const std::optional<bool> value, capabilities->Bool(name));
    if (value.value_or(false)) declared.insert(name);
  }
  return declared;
}

absl::StatusOr<CniPlugin> ParsePlugin(const JsonReader& json) {
  CniPlugin plugin;
  ASSIGN_OR_RETURN(plugin.type, json.String("type"));
  if (plugin.type.empty()) return json.Missing("type");
  // The type is the name of a program in bin_dirs and must not lead out of them.
  if (absl::StrContains(plugin.type, "/") || plugin.type == "." || plugin.type == "..") {
    return Fault(absl::StrCat("type \"", Excerpt(plugin.type), "\" is not the name of a program"));
  }
  ASSIGN_OR_RETURN(plugin.capabilities, CapabilitiesOf(json));
  plugin.config = json.json();
  return plugin;
}

// The value may also be a text. False if there is none.
absl::StatusOr<bool> Switch(const JsonReader& json, const char* name) {
  const std::optional<JsonReader> field = json.Field(name);
  if (!field.has_value()) return false;
  if (const absl::StatusOr<bool> value = field->AsBool(); value.ok()) return value;
  const std::string text = field->AsString().value_or("");
  if (text != "true" && text != "false") return field->Error("is neither true nor false");
  return text == "true";
}

absl::StatusOr<std::vector<CniPlugin>> ParseList(const JsonReader& json) {
  if (!json.Field("plugins").has_value()) return json.Missing("plugins");
  ASSIGN_OR_RETURN(const std::vector<JsonReader> items, json.Objects("plugins"));
  if (items.empty()) return Fault("\"plugins\" is empty");
  std::vector<CniPlugin> plugins;
  for (const JsonReader& item : items) {
    ASSIGN_OR_RETURN(CniPlugin plugin, ParsePlugin(item));
    plugins.push_back(std::move(plugin));
  }
  return plugins;
}

absl::StatusOr<std::vector<CniPlugin>> ParseSingle(const JsonReader& json) {
  if (json.Contains("plugins")) return Fault("has a list of plugins: name the file .conflist");
  ASSIGN_OR_RETURN(CniPlugin plugin, ParsePlugin(json));
  return std::vector<CniPlugin>{std::move(plugin)};
}

// O_NONBLOCK: opening a FIFO would wait for a writer.
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

absl::Status CniConfigList::HasCheck() const {
  if (disable_check) return absl::UnimplementedError("its configuration has disableCheck");
  if (!CniVersionLess(version, "0.4.0")) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("CNI ", version, " has no CHECK"));
}

bool CniConfigList::HasStatus() const {
  return !CniVersionLess(version, "1.1.0");
}

bool CniConfigList::CollectsGarbage() const {
  return !disable_gc && HasStatus();
}

Json CniConfigList::ToJson() const {
  Json configs = Json::array();
  for (const CniPlugin& plugin : plugins) configs.push_back(plugin.config);
  Json json = {{"cniVersion", version}, {"name", name}, {"plugins", std::move(configs)}};
  if (disable_check) json["disableCheck"] = true;
  return json;
}

absl::StatusOr<CniConfigList> ParseCniConfig(const std::string& file, absl::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
  const JsonReader json = document.root();
  CniConfigList config;
  config.file = file;
  ASSIGN_OR_RETURN(config.name, json.String("name"));
  if (config.name.empty()) return json.Missing("name");
  if (!IsCniName(config.name)) return Fault(absl::StrCat("name \"", Excerpt(config.name), "\" is not a CNI name"));
  ASSIGN_OR_RETURN(config.version, VersionOf(json));
  ASSIGN_OR_RETURN(config.plugins, absl::EndsWith(file, ".conflist") ? ParseList(json) : ParseSingle(json));
  ASSIGN_OR_RETURN(config.disable_check, Switch(json, "disableCheck"));
  ASSIGN_OR_RETURN(config.disable_gc, Switch(json, "disableGC"));
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
