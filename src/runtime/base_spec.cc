#include "runtime/base_spec.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "runtime/capabilities.h"

namespace crisp {
namespace {

// What the request, the image or crisp says for every container.
constexpr const char* kDecidedElsewhere[] = {"/ociVersion",
                                             "/root/path",
                                             "/hostname",
                                             "/domainname",
                                             "/process/terminal",
                                             "/process/consoleSize",
                                             "/process/user",
                                             "/process/args",
                                             "/process/cwd",
                                             "/process/noNewPrivileges",
                                             "/process/oomScoreAdj",
                                             "/linux/namespaces",
                                             "/linux/cgroupsPath",
                                             "/linux/maskedPaths",
                                             "/linux/readonlyPaths",
                                             "/linux/rootfsPropagation",
                                             "/linux/resources/devices"};

constexpr const char* kUsualMounts[] = {"/proc",       "/dev", "/dev/pts", "/dev/shm",
                                        "/dev/mqueue", "/sys", "/run",     "/sys/fs/cgroup"};
constexpr const char* kHookNames[] = {"prestart",       "createRuntime", "createContainer",
                                      "startContainer", "poststart",     "poststop"};

// The part at `path` (RFC 6901), which is then no longer in `spec`; null if there is none.
Json Take(const char* path, Json* spec) {
  const Json::json_pointer pointer(path);
  if (!spec->contains(pointer)) return nullptr;
  Json part = std::move(spec->at(pointer));
  spec->at(pointer.parent_pointer()).erase(pointer.back());
  return part;
}

bool IsUsualMount(const Json& mount) {
  if (!mount.is_object() || !mount.contains("destination")) return false;
  const Json& at = mount["destination"];
  return std::any_of(std::begin(kUsualMounts), std::end(kUsualMounts), [&](const char* usual) { return at == usual; });
}

bool IsUsualVariable(const Json& variable) {
  return variable.is_string() && absl::StartsWith(variable.get<std::string>(), "PATH=");
}

// Removes from the list at `path` those that are usual.
void DropUsual(const char* path, bool (*is_usual)(const Json&), Json* spec) {
  const Json::json_pointer pointer(path);
  if (!spec->contains(pointer) || !spec->at(pointer).is_array()) return;
  Json& list = spec->at(pointer);
  list.erase(std::remove_if(list.begin(), list.end(), is_usual), list.end());
}

// A set that is not the default one is a wish that crisp does not fulfil.
void DropDefaultCapabilities(Json* spec) {
  const std::vector<std::string> names = CapabilityNames(DefaultCapabilities());
  const std::set<Json> usual(names.begin(), names.end());
  for (const char* kind : {"bounding", "effective", "permitted", "inheritable"}) {
    const Json::json_pointer pointer(absl::StrCat("/process/capabilities/", kind));
    if (!spec->contains(pointer) || !spec->at(pointer).is_array()) continue;
    const Json& list = spec->at(pointer);
    if (std::set<Json>(list.begin(), list.end()) == usual) spec->at(pointer) = nullptr;
  }
}

bool IsEmptyValue(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_null() || value == false || value == 0 || (value.is_structured() && value.empty());
}

// The path of something in `value` that says anything; empty if nothing does.
std::string FirstLeft(const Json& value, const std::string& path) {
  if (value.is_object()) {
    for (const auto& [key, part] : value.items()) {
      const std::string left = FirstLeft(part, path.empty() ? key : absl::StrCat(path, ".", key));
      if (!left.empty()) return left;
    }
    return "";
  }
  return IsEmptyValue(value) ? "" : path;
}

absl::Status CheckRlimits(const JsonReader& process) {
  ASSIGN_OR_RETURN(const std::vector<JsonReader> rlimits, process.Objects("rlimits"));
  std::set<std::string> seen;
  for (const JsonReader& rlimit : rlimits) {
    RETURN_IF_ERROR(rlimit.CheckKeys({"type", "soft", "hard"}));
    ASSIGN_OR_RETURN(const std::string type, rlimit.String("type"));
    ASSIGN_OR_RETURN(const auto soft, rlimit.Unsigned("soft", ~uint64_t{0}));
    ASSIGN_OR_RETURN(const auto hard, rlimit.Unsigned("hard", ~uint64_t{0}));
    if (!absl::StartsWith(type, "RLIMIT_") || !seen.insert(type).second || !soft || !hard || *soft > *hard) {
      return absl::InvalidArgumentError(
          absl::StrCat("process.rlimits: expected each RLIMIT_ type once, with soft up to hard, found \"", type, "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHook(const JsonReader& hook) {
  RETURN_IF_ERROR(hook.CheckKeys({"path", "args", "env", "timeout"}));
  ASSIGN_OR_RETURN(const std::string path, hook.String("path"));
  RETURN_IF_ERROR(hook.Strings("args").status());
  RETURN_IF_ERROR(hook.Strings("env").status());
  RETURN_IF_ERROR(hook.Unsigned("timeout").status());
  if (absl::StartsWith(path, "/")) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("hooks: expected an absolute path, found \"", path, "\""));
}

absl::Status CheckHooks(const JsonReader& hooks) {
  for (const std::string& name : hooks.Keys()) {
    if (std::none_of(std::begin(kHookNames), std::end(kHookNames), [&](const char* known) { return name == known; })) {
      return absl::InvalidArgumentError(absl::StrCat("hooks: there are none of the name \"", name, "\""));
    }
    ASSIGN_OR_RETURN(const std::vector<JsonReader> all, hooks.Objects(name));
    for (const JsonReader& hook : all) RETURN_IF_ERROR(CheckHook(hook));
  }
  return absl::OkStatus();
}

std::string TextOf(const Json& part) {
  return IsEmptyValue(part) ? "" : DumpJson(part);
}

}  // namespace

absl::StatusOr<BaseSpec> ParseBaseSpec(absl::string_view text) {
  ASSIGN_OR_RETURN(Json spec, ParseJsonObject(text));
  const JsonReader reader(spec);
  ASSIGN_OR_RETURN(const auto process, reader.Object("process"));
  if (process) RETURN_IF_ERROR(CheckRlimits(*process));
  ASSIGN_OR_RETURN(const auto hooks, reader.Object("hooks"));
  if (hooks) RETURN_IF_ERROR(CheckHooks(*hooks));
  BaseSpec base;
  base.rlimits = TextOf(Take("/process/rlimits", &spec));
  base.hooks = TextOf(Take("/hooks", &spec));
  for (const char* path : kDecidedElsewhere) Take(path, &spec);
  DropUsual("/mounts", IsUsualMount, &spec);
  DropUsual("/process/env", IsUsualVariable, &spec);
  DropDefaultCapabilities(&spec);
  const std::string left = FirstLeft(spec, "");
  if (left.empty()) return base;
  return absl::InvalidArgumentError(absl::StrCat(
      left, " is not honoured: crisp takes process.rlimits and hooks from such a file, and nothing else; remove it"));
}

}  // namespace crisp
