#include "runtime/cdi.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "runtime/yaml.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 6> kHookNames = {"prestart",       "createRuntime", "createContainer",
                                                   "startContainer", "poststart",     "poststop"};
constexpr size_t kMaxText = 64 << 10;
constexpr int64_t kMaxTimeout = 3600;  // seconds

absl::Status Bad(absl::string_view where, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", why));
}

// --- Names: SPEC.md, "kind" and "name" ---

bool IsName(absl::string_view name, absl::string_view between, bool digit_first) {
  if (name.empty() || name.size() > 253 || !absl::ascii_isalnum(name.back())) return false;
  if (!absl::ascii_isalpha(name.front()) && !(digit_first && absl::ascii_isdigit(name.front()))) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return absl::ascii_isalnum(c) || absl::StrContains(between, c); });
}

bool IsKind(absl::string_view kind) {
  const size_t slash = kind.find('/');
  return slash != absl::string_view::npos && IsName(kind.substr(0, slash), "_-.", false) &&
         IsName(kind.substr(slash + 1), "_-.", false);
}

bool IsDeviceName(absl::string_view name) {
  return IsName(name, "_-.:", true);
}

// --- Values ---

const json* Present(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

absl::Status CheckKeys(const json& object, const std::set<std::string>& known, absl::string_view where) {
  if (!object.is_object()) return Bad(where, "is not an object");
  for (const auto& [key, value] : object.items()) {
    if (known.count(key) == 0) return Bad(where, absl::StrCat("\"", key.substr(0, 64), "\" is not known to crisp"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TextOf(const json& value, absl::string_view where) {
  if (!value.is_string()) return Bad(where, "is not a string");
  std::string text = value.get<std::string>();
  if (text.size() > kMaxText) return Bad(where, "is too long");
  if (text.find('\0') != std::string::npos) return Bad(where, "has a NUL byte");
  return text;
}

absl::StatusOr<std::string> Text(const json& object, const char* key, absl::string_view where) {
  const json* value = Present(object, key);
  if (value == nullptr) return std::string();
  return TextOf(*value, absl::StrCat(where, ".", key));
}

absl::StatusOr<std::string> Path(const json& object, const char* key, bool required, absl::string_view where) {
  ASSIGN_OR_RETURN(std::string path, Text(object, key, where));
  if (path.empty() && !required) return path;
  if (!absl::StartsWith(path, "/")) return Bad(absl::StrCat(where, ".", key), "is not an absolute path");
  return path;
}

absl::StatusOr<std::optional<int64_t>> Number(const json& object, const char* key, int64_t most,
                                              absl::string_view where) {
  const json* value = Present(object, key);
  if (value == nullptr) return std::optional<int64_t>();
  if (!value->is_number_unsigned() || value->get<uint64_t>() > static_cast<uint64_t>(most)) {
    return Bad(absl::StrCat(where, ".", key), absl::StrCat("is not a number from 0 to ", most));
  }
  return std::optional<int64_t>(value->get<int64_t>());
}

absl::StatusOr<std::optional<uint32_t>> Id(const json& object, const char* key, absl::string_view where) {
  ASSIGN_OR_RETURN(const auto number, Number(object, key, int64_t{UINT32_MAX} - 1, where));
  return number ? std::optional<uint32_t>(static_cast<uint32_t>(*number)) : std::nullopt;
}

// Calls `each` with the elements of a list and where they are.
template <typename Each>
absl::Status ForEach(const json& object, const char* key, absl::string_view where, Each each) {
  const json* list = Present(object, key);
  if (list == nullptr) return absl::OkStatus();
  if (!list->is_array()) return Bad(absl::StrCat(where, ".", key), "is not a list");
  for (size_t i = 0; i < list->size(); ++i) {
    RETURN_IF_ERROR(each((*list)[i], absl::StrCat(where, ".", key, "[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status Texts(const json& object, const char* key, absl::string_view where, std::vector<std::string>* texts) {
  return ForEach(object, key, where, [&](const json& value, const std::string& here) -> absl::Status {
    ASSIGN_OR_RETURN(std::string text, TextOf(value, here));
    texts->push_back(std::move(text));
    return absl::OkStatus();
  });
}

absl::Status CheckEnv(const std::vector<std::string>& env, absl::string_view where) {
  for (const std::string& entry : env) {
    if (entry.find('=') == std::string::npos || entry[0] == '=') {
      return Bad(where, absl::StrCat("env \"", entry.substr(0, 64), "\" is not NAME=value"));
    }
  }
  return absl::OkStatus();
}

// --- Edits ---

absl::StatusOr<CdiDeviceNode> DeviceNode(const json& value, const std::string& where) {
  RETURN_IF_ERROR(
      CheckKeys(value, {"path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"}, where));
  CdiDeviceNode node;
  ASSIGN_OR_RETURN(node.path, Path(value, "path", true, where));
  ASSIGN_OR_RETURN(node.host_path, Path(value, "hostPath", false, where));
  if (node.host_path.empty()) node.host_path = node.path;
  ASSIGN_OR_RETURN(const std::string type, Text(value, "type", where));
  if (!type.empty()) {
    if (type.size() != 1 || !absl::StrContains("bcup", type)) return Bad(where, "type is not one of b, c, u and p");
    node.type = type[0];
  }
  ASSIGN_OR_RETURN(node.major, Number(value, "major", UINT32_MAX, where));
  ASSIGN_OR_RETURN(node.minor, Number(value, "minor", UINT32_MAX, where));
  ASSIGN_OR_RETURN(const auto mode, Number(value, "fileMode", 07777, where));
  if (mode) node.file_mode = static_cast<uint32_t>(*mode);
  ASSIGN_OR_RETURN(node.uid, Id(value, "uid", where));
  ASSIGN_OR_RETURN(node.gid, Id(value, "gid", where));
  ASSIGN_OR_RETURN(const std::string permissions, Text(value, "permissions", where));
  if (permissions.find_first_not_of("rwm") != std::string::npos) return Bad(where, "permissions are not of r, w and m");
  if (!permissions.empty()) node.permissions = permissions;
  return node;
}

absl::StatusOr<CdiMount> Mount(const json& value, const std::string& where) {
  RETURN_IF_ERROR(CheckKeys(value, {"hostPath", "containerPath", "type", "options"}, where));
  CdiMount mount;
  ASSIGN_OR_RETURN(mount.type, Text(value, "type", where));
  ASSIGN_OR_RETURN(mount.host_path, Text(value, "hostPath", where));
  const bool of_host = mount.type.empty() || mount.type == "bind";
  if (mount.host_path.empty() || (of_host && mount.host_path[0] != '/')) return Bad(where, "has no absolute hostPath");
  ASSIGN_OR_RETURN(mount.container_path, Path(value, "containerPath", true, where));
  RETURN_IF_ERROR(Texts(value, "options", where, &mount.options));
  return mount;
}

absl::StatusOr<CdiHook> Hook(const json& value, const std::string& where) {
  RETURN_IF_ERROR(CheckKeys(value, {"hookName", "path", "args", "env", "timeout"}, where));
  CdiHook hook;
  ASSIGN_OR_RETURN(hook.name, Text(value, "hookName", where));
  const bool known =
      std::any_of(kHookNames.begin(), kHookNames.end(), [&](const char* one) { return hook.name == one; });
  if (!known) return Bad(where, absl::StrCat("\"", hook.name, "\" is not a hook of an OCI runtime"));
  ASSIGN_OR_RETURN(hook.path, Path(value, "path", true, where));
  RETURN_IF_ERROR(Texts(value, "args", where, &hook.args));
  RETURN_IF_ERROR(Texts(value, "env", where, &hook.env));
  RETURN_IF_ERROR(CheckEnv(hook.env, where));
  ASSIGN_OR_RETURN(hook.timeout, Number(value, "timeout", kMaxTimeout, where));
  if (hook.timeout == 0) return Bad(where, "timeout is 0 seconds");
  return hook;
}

template <typename Item, typename Parse>
absl::Status Items(const json& object, const char* key, const std::string& where, Parse parse,
                   std::vector<Item>* items) {
  return ForEach(object, key, where, [&](const json& value, const std::string& here) -> absl::Status {
    ASSIGN_OR_RETURN(Item item, parse(value, here));
    items->push_back(std::move(item));
    return absl::OkStatus();
  });
}

absl::StatusOr<uint32_t> Gid(const json& value, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() >= UINT32_MAX) return Bad(where, "is not a group id");
  return value.get<uint32_t>();
}

absl::StatusOr<CdiEdits> Edits(const json& holder, const std::string& where) {
  CdiEdits edits;
  const json* value = Present(holder, "containerEdits");
  if (value == nullptr) return edits;
  const std::string here = absl::StrCat(where, "containerEdits");
  RETURN_IF_ERROR(CheckKeys(*value, {"env", "deviceNodes", "mounts", "hooks", "additionalGids"}, here));
  RETURN_IF_ERROR(Texts(*value, "env", here, &edits.env));
  RETURN_IF_ERROR(CheckEnv(edits.env, here));
  RETURN_IF_ERROR(Items(*value, "deviceNodes", here, DeviceNode, &edits.device_nodes));
  RETURN_IF_ERROR(Items(*value, "mounts", here, Mount, &edits.mounts));
  RETURN_IF_ERROR(Items(*value, "hooks", here, Hook, &edits.hooks));
  RETURN_IF_ERROR(Items(*value, "additionalGids", here, Gid, &edits.additional_gids));
  return edits;
}

absl::Status AddDevice(const json& value, const std::string& where, CdiSpec* spec) {
  RETURN_IF_ERROR(CheckKeys(value, {"name", "annotations", "containerEdits"}, where));
  ASSIGN_OR_RETURN(const std::string name, Text(value, "name", where));
  if (!IsDeviceName(name)) return Bad(where, absl::StrCat("\"", name.substr(0, 64), "\" is not a device's name"));
  ASSIGN_OR_RETURN(CdiEdits edits, Edits(value, absl::StrCat(where, ".")));
  if (!spec->devices.emplace(name, std::move(edits)).second) return Bad(where, absl::StrCat(name, " is there twice"));
  return absl::OkStatus();
}

absl::StatusOr<json> Parse(absl::string_view text, bool yaml) {
  absl::StatusOr<json> parsed = yaml ? ParseYamlObject(text) : ParseJsonObject(text);
  if (!parsed.ok()) return absl::InvalidArgumentError(parsed.status().message());
  return parsed;
}

template <typename T>
void Extend(std::vector<T>* list, const std::vector<T>& more) {
  list->insert(list->end(), more.begin(), more.end());
}

}  // namespace

void CdiEdits::Append(const CdiEdits& more) {
  Extend(&env, more.env);
  Extend(&device_nodes, more.device_nodes);
  Extend(&mounts, more.mounts);
  Extend(&hooks, more.hooks);
  Extend(&additional_gids, more.additional_gids);
}

absl::StatusOr<CdiSpec> ParseCdiSpec(absl::string_view text, bool yaml) {
  ASSIGN_OR_RETURN(const json file, Parse(text, yaml));
  RETURN_IF_ERROR(CheckKeys(file, {"cdiVersion", "kind", "annotations", "devices", "containerEdits"}, "the file"));
  ASSIGN_OR_RETURN(const std::string version, Text(file, "cdiVersion", "the file"));
  if (version.empty()) return Bad("cdiVersion", "is missing");
  if (!absl::StartsWith(absl::StrCat(version, "."), "0.") && !absl::StartsWith(absl::StrCat(version, "."), "1.")) {
    return Bad("cdiVersion", absl::StrCat(version.substr(0, 32), " is newer than what crisp knows"));
  }
  CdiSpec spec;
  ASSIGN_OR_RETURN(spec.kind, Text(file, "kind", "the file"));
  if (!IsKind(spec.kind)) return Bad("kind", absl::StrCat("\"", spec.kind.substr(0, 64), "\" is not vendor/class"));
  RETURN_IF_ERROR(ForEach(file, "devices", "", [&](const json& value, const std::string& where) {
    return AddDevice(value, where.substr(1), &spec);
  }));
  ASSIGN_OR_RETURN(spec.edits, Edits(file, ""));
  return spec;
}

std::optional<CdiName> ParseCdiName(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos) return std::nullopt;
  CdiName name{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  if (!IsKind(name.kind) || !IsDeviceName(name.device)) return std::nullopt;
  return name;
}

}  // namespace crisp
