#include "runtime/seccomp_profile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"
#include "runtime/capabilities.h"
#include "runtime/seccomp_default.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr size_t kMaxFile = 1 << 20;
constexpr size_t kMaxRules = 10000;
constexpr size_t kMaxName = 128;
constexpr uint64_t kMaxErrno = 4095;  // MAX_ERRNO, the most that the kernel gives back from a call
constexpr unsigned kMaxArguments = 6;

constexpr std::array<const char*, 9> kActions = {"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
                                                 "SCMP_ACT_TRAP",  "SCMP_ACT_ERRNO",        "SCMP_ACT_TRACE",
                                                 "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",          "SCMP_ACT_NOTIFY"};
constexpr std::array<const char*, 7> kOperators = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
                                                   "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
constexpr std::array<const char*, 4> kFlags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                               "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                               "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

absl::Status Bad(absl::string_view where, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", why));
}

template <typename List>
bool Has(const List& list, absl::string_view text) {
  return std::any_of(list.begin(), list.end(), [&](const char* one) { return text == one; });
}

absl::Status CheckKeys(const json& object, const std::set<std::string>& known, absl::string_view where) {
  if (!object.is_object()) return Bad(where, "is not an object");
  for (const auto& [key, value] : object.items()) {
    if (known.count(key) == 0) return Bad(where, absl::StrCat("no profile has a key \"", key.substr(0, 64), "\""));
  }
  return absl::OkStatus();
}

const json* Present(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<std::string> Text(const json& value, absl::string_view where) {
  if (!value.is_string()) return Bad(where, "is not a string");
  std::string text = value.get<std::string>();
  if (text.empty() || text.size() > kMaxName || text.find('\0') != std::string::npos) {
    return Bad(where, "is empty or too long for a name");
  }
  return text;
}

absl::StatusOr<std::vector<std::string>> Texts(const json& object, const char* key, absl::string_view where) {
  std::vector<std::string> texts;
  const json* list = Present(object, key);
  if (list == nullptr) return texts;
  if (!list->is_array()) return Bad(where, absl::StrCat("\"", key, "\" is not a list"));
  for (const json& value : *list) {
    ASSIGN_OR_RETURN(std::string text, Text(value, absl::StrCat(where, " \"", key, "\"")));
    texts.push_back(std::move(text));
  }
  return texts;
}

// A number that may be written as one below 2^63 only by chance: the values are 64 bits without a sign.
absl::StatusOr<uint64_t> Number(const json& object, const char* key, uint64_t most, absl::string_view where) {
  const json* value = Present(object, key);
  if (value == nullptr) return uint64_t{0};
  if (!value->is_number_unsigned() || value->get<uint64_t>() > most) {
    return Bad(where, absl::StrCat("\"", key, "\" is not a number from 0 to ", most));
  }
  return value->get<uint64_t>();
}

absl::StatusOr<std::string> OneOfActions(const json& object, const char* key, absl::string_view where) {
  const json* value = Present(object, key);
  if (value == nullptr) return Bad(where, absl::StrCat("\"", key, "\" is missing"));
  ASSIGN_OR_RETURN(std::string action, Text(*value, absl::StrCat(where, " \"", key, "\"")));
  if (!Has(kActions, action)) return Bad(where, absl::StrCat("\"", action, "\" is not an action"));
  return action;
}

// Puts an errno where the profile gives one, and only then: the default is the OCI runtime's.
absl::Status CopyErrno(const json& from, const char* key, json* to, absl::string_view where) {
  if (Present(from, key) == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN((*to)[key], Number(from, key, kMaxErrno, where));
  return absl::OkStatus();
}

absl::StatusOr<json> Argument(const json& value, absl::string_view where) {
  RETURN_IF_ERROR(CheckKeys(value, {"index", "value", "valueTwo", "op"}, where));
  json argument;
  ASSIGN_OR_RETURN(argument["index"], Number(value, "index", kMaxArguments - 1, where));
  ASSIGN_OR_RETURN(argument["value"], Number(value, "value", UINT64_MAX, where));
  ASSIGN_OR_RETURN(argument["valueTwo"], Number(value, "valueTwo", UINT64_MAX, where));
  const json* op = Present(value, "op");
  if (op == nullptr || !op->is_string() || !Has(kOperators, op->get<std::string>())) {
    return Bad(where, "\"op\" is not an operator like SCMP_CMP_EQ");
  }
  argument["op"] = *op;
  return argument;
}

// --- Docker's conditions ---

absl::StatusOr<uint64_t> Capabilities(const std::vector<std::string>& names, absl::string_view where) {
  uint64_t mask = 0;
  for (const std::string& name : names) {
    const std::optional<int> number = CapabilityNumber(name);
    if (!number) return Bad(where, absl::StrCat("\"", name, "\" is not a capability"));
    mask |= uint64_t{1} << *number;
  }
  return mask;
}

absl::StatusOr<bool> KernelIsAtLeast(const json& object, const SeccompHost& host, absl::string_view where) {
  const json* value = Present(object, "minKernel");
  if (value == nullptr || *value == "") return true;
  ASSIGN_OR_RETURN(const std::string text, Text(*value, absl::StrCat(where, " \"minKernel\"")));
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  int major = 0, minor = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) {
    return Bad(where, absl::StrCat("\"", text, "\" is not a kernel version like 4.8"));
  }
  return std::pair(host.kernel_major, host.kernel_minor) >= std::pair(major, minor);
}

struct Condition {
  uint64_t capabilities = 0;
  bool has_architectures = false;
  bool architecture_matches = false;
  bool has_kernel = false;
  bool kernel_matches = true;
};

absl::StatusOr<Condition> ParseCondition(const json& rule, const char* key, const SeccompHost& host,
                                         absl::string_view where) {
  Condition condition;
  const json* object = Present(rule, key);
  if (object == nullptr) return condition;
  const std::string here = absl::StrCat(where, " \"", key, "\"");
  RETURN_IF_ERROR(CheckKeys(*object, {"caps", "arches", "minKernel"}, here));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, Texts(*object, "caps", here));
  ASSIGN_OR_RETURN(condition.capabilities, Capabilities(names, here));
  ASSIGN_OR_RETURN(const std::vector<std::string> arches, Texts(*object, "arches", here));
  condition.has_architectures = !arches.empty();
  condition.architecture_matches =
      std::find(arches.begin(), arches.end(), GoArchitecture(host.architecture)) != arches.end();
  condition.has_kernel = Present(*object, "minKernel") != nullptr;
  ASSIGN_OR_RETURN(condition.kernel_matches, KernelIsAtLeast(*object, host, here));
  return condition;
}

// All of "includes" must hold, and none of "excludes".
absl::StatusOr<bool> Applies(const json& rule, const SeccompHost& host, absl::string_view where) {
  ASSIGN_OR_RETURN(const Condition includes, ParseCondition(rule, "includes", host, where));
  ASSIGN_OR_RETURN(const Condition excludes, ParseCondition(rule, "excludes", host, where));
  if ((includes.capabilities & ~host.capabilities) != 0) return false;
  if (includes.has_architectures && !includes.architecture_matches) return false;
  if (!includes.kernel_matches) return false;
  if ((excludes.capabilities & host.capabilities) != 0) return false;
  if (excludes.has_architectures && excludes.architecture_matches) return false;
  return !(excludes.has_kernel && excludes.kernel_matches);
}

// --- The whole ---

absl::StatusOr<std::vector<std::string>> NamesOf(const json& rule, absl::string_view where) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, Texts(rule, "names", where));
  if (const json* name = Present(rule, "name"); name != nullptr && *name != "") {
    if (!names.empty()) return Bad(where, "has both \"name\" and \"names\"");
    ASSIGN_OR_RETURN(std::string text, Text(*name, absl::StrCat(where, " \"name\"")));
    names.push_back(std::move(text));
  }
  if (names.empty()) return Bad(where, "names no system call");
  return names;
}

// nullopt for a rule whose conditions do not hold.
absl::StatusOr<std::optional<json>> Rule(const json& value, const SeccompHost& host, absl::string_view where) {
  RETURN_IF_ERROR(
      CheckKeys(value, {"name", "names", "action", "errnoRet", "args", "comment", "includes", "excludes"}, where));
  json rule;
  ASSIGN_OR_RETURN(rule["names"], NamesOf(value, where));
  ASSIGN_OR_RETURN(rule["action"], OneOfActions(value, "action", where));
  RETURN_IF_ERROR(CopyErrno(value, "errnoRet", &rule, where));
  if (const json* arguments = Present(value, "args")) {
    if (!arguments->is_array() || arguments->size() > kMaxArguments) return Bad(where, "\"args\" is not a short list");
    for (const json& argument : *arguments) {
      ASSIGN_OR_RETURN(json parsed, Argument(argument, absl::StrCat(where, " \"args\"")));
      rule["args"].push_back(std::move(parsed));
    }
  }
  ASSIGN_OR_RETURN(const bool applies, Applies(value, host, where));
  if (!applies) return std::optional<json>();
  return std::optional<json>(std::move(rule));
}

// Docker's list of architectures, each with those that its kernel runs as well.
absl::StatusOr<std::vector<std::string>> FromArchMap(const json& list, const SeccompHost& host) {
  const std::vector<std::string> own = SeccompArchitectures(host.architecture);
  if (!list.is_array()) return Bad("\"archMap\"", "is not a list");
  std::vector<std::string> result;
  for (const json& entry : list) {
    RETURN_IF_ERROR(CheckKeys(entry, {"architecture", "subArchitectures"}, "\"archMap\""));
    ASSIGN_OR_RETURN(const std::vector<std::string> more, Texts(entry, "subArchitectures", "\"archMap\""));
    const json* name = Present(entry, "architecture");
    if (name == nullptr) return Bad("\"archMap\"", "an entry without \"architecture\"");
    ASSIGN_OR_RETURN(const std::string text, Text(*name, "\"archMap\""));
    if (own.empty() || text != own.front()) continue;
    result.push_back(text);
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

absl::StatusOr<std::vector<std::string>> ArchitecturesOf(const json& profile, const SeccompHost& host) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, Texts(profile, "architectures", "the profile"));
  if (const json* map = Present(profile, "archMap"); map != nullptr && !map->empty()) {
    if (!names.empty()) return Bad("the profile", "has both \"architectures\" and \"archMap\"");
    return FromArchMap(*map, host);
  }
  return names;
}

absl::Status CopyFlags(const json& profile, json* to) {
  ASSIGN_OR_RETURN(const std::vector<std::string> flags, Texts(profile, "flags", "the profile"));
  for (const std::string& flag : flags) {
    if (!Has(kFlags, flag)) return Bad("\"flags\"", absl::StrCat("\"", flag, "\" is not a flag of a filter"));
  }
  if (!flags.empty()) (*to)["flags"] = flags;
  return absl::OkStatus();
}

absl::Status CopyListener(const json& profile, json* to) {
  const json* path = Present(profile, "listenerPath");
  if (path == nullptr || *path == "") return absl::OkStatus();
  if (!path->is_string() || path->get<std::string>()[0] != '/')
    return Bad("\"listenerPath\"", "is not an absolute path");
  (*to)["listenerPath"] = *path;
  const json* metadata = Present(profile, "listenerMetadata");
  if (metadata == nullptr) return absl::OkStatus();
  if (!metadata->is_string()) return Bad("\"listenerMetadata\"", "is not a string");
  (*to)["listenerMetadata"] = *metadata;
  return absl::OkStatus();
}

absl::Status CopyRules(const json& profile, const SeccompHost& host, json* to) {
  const json* rules = Present(profile, "syscalls");
  if (rules == nullptr) return absl::OkStatus();
  if (!rules->is_array()) return Bad("\"syscalls\"", "is not a list");
  if (rules->size() > kMaxRules) return Bad("\"syscalls\"", absl::StrCat("has more than ", kMaxRules, " rules"));
  for (size_t i = 0; i < rules->size(); ++i) {
    ASSIGN_OR_RETURN(std::optional<json> rule, Rule((*rules)[i], host, absl::StrCat("\"syscalls\"[", i, "]")));
    if (rule) (*to)["syscalls"].push_back(*std::move(rule));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<json> ParseSeccompProfile(absl::string_view text, const SeccompHost& host) {
  if (text.size() > kMaxFile) return Bad("the profile", absl::StrCat("has more than ", kMaxFile, " bytes"));
  const absl::StatusOr<json> parsed = ParseJsonObject(text);
  if (!parsed.ok()) return absl::InvalidArgumentError(parsed.status().message());
  const json& profile = *parsed;
  RETURN_IF_ERROR(CheckKeys(profile,
                            {"defaultAction", "defaultErrnoRet", "architectures", "archMap", "flags", "listenerPath",
                             "listenerMetadata", "syscalls", "comment"},
                            "the profile"));
  json result;
  ASSIGN_OR_RETURN(result["defaultAction"], OneOfActions(profile, "defaultAction", "the profile"));
  RETURN_IF_ERROR(CopyErrno(profile, "defaultErrnoRet", &result, "the profile"));
  ASSIGN_OR_RETURN(const std::vector<std::string> architectures, ArchitecturesOf(profile, host));
  if (!architectures.empty()) result["architectures"] = architectures;
  RETURN_IF_ERROR(CopyFlags(profile, &result));
  RETURN_IF_ERROR(CopyListener(profile, &result));
  RETURN_IF_ERROR(CopyRules(profile, host, &result));
  return result;
}

absl::StatusOr<std::string> ReadSeccompProfile(const std::string& path) {
  const auto failed = [&](absl::string_view why) { return Bad(absl::StrCat("seccomp profile ", path), why); };
  const Fd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return failed("there is no such file on this node");
    return ErrnoStatus(errno, absl::StrCat("open seccomp profile ", path));
  }
  struct stat info {};
  if (fstat(place.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat seccomp profile ", path));
  // Opening a fifo would wait for ever.
  if (!S_ISREG(info.st_mode)) return failed("not a regular file");
  if (info.st_size > static_cast<off_t>(kMaxFile)) return failed("larger than 1 MiB");
  return ReadFileAt(AT_FDCWD, absl::StrCat("/proc/self/fd/", place.get()), kMaxFile);
}

}  // namespace crisp
