#include "runtime/exec_plan.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/capabilities.h"
#include "runtime/exec_process.h"

namespace crisp {
namespace {

using nlohmann::json;
using shim::ExecPlan;

absl::Status NotHere(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("only the OCI runtime understands ", what));
}

// Of what an exec of the OCI runtime does not look at, mounts and hooks say nothing about it.
const std::set<std::string> kSpecKeys = {"ociVersion", "process", "root",        "hostname", "domainname",
                                         "mounts",     "linux",   "annotations", "hooks"};
const std::set<std::string> kProcessKeys = {"terminal",        "user",        "args",   "env", "cwd", "capabilities",
                                            "noNewPrivileges", "oomScoreAdj", "rlimits"};
const std::set<std::string> kUserKeys = {"uid", "gid", "additionalGids"};
const std::set<std::string> kLinuxKeys = {"namespaces",        "uidMappings", "gidMappings",   "resources",
                                          "cgroupsPath",       "maskedPaths", "readonlyPaths", "mountLabel",
                                          "rootfsPropagation", "sysctl",      "devices",       "seccomp"};

absl::Status CheckKeys(const json& object, const std::set<std::string>& known, absl::string_view where) {
  if (!object.is_object())
    return absl::InternalError("the container's OCI spec is damaged: not the objects that it has");
  for (const auto& [key, value] : object.items()) {
    if (known.count(key) == 0) return NotHere(absl::StrCat(where, key));
  }
  return absl::OkStatus();
}

const std::vector<std::pair<absl::string_view, int>> kNamespaces = {
    {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET},
    {"ipc", CLONE_NEWIPC},  {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}};

absl::StatusOr<uint32_t> NamespacesOf(const json& list) {
  uint32_t flags = 0;
  for (const json& one : list) {
    const std::string type = one.at("type").get<std::string>();
    const auto known =
        std::find_if(kNamespaces.begin(), kNamespaces.end(), [&](const auto& pair) { return pair.first == type; });
    if (known == kNamespaces.end()) return NotHere(absl::StrCat("a namespace of type ", type));
    flags |= static_cast<uint32_t>(known->second);
  }
  if ((flags & CLONE_NEWNS) == 0) return NotHere("a container without a mount namespace");
  return flags;
}

// A name that this kernel does not know is passed over, as by runc.
uint64_t Mask(const json& capabilities, const char* set) {
  uint64_t mask = 0;
  for (const json& name : capabilities.value(set, json::array())) {
    const std::optional<int> number = CapabilityNumber(name.get_ref<const std::string&>());
    if (number) mask |= uint64_t{1} << *number;
  }
  return mask;
}

absl::StatusOr<uint64_t> ResourceOf(absl::string_view name) {
  constexpr std::pair<absl::string_view, int> kResources[] = {{"RLIMIT_AS", RLIMIT_AS},
                                                              {"RLIMIT_CORE", RLIMIT_CORE},
                                                              {"RLIMIT_CPU", RLIMIT_CPU},
                                                              {"RLIMIT_DATA", RLIMIT_DATA},
                                                              {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                                              {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                                              {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                                              {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                                              {"RLIMIT_NICE", RLIMIT_NICE},
                                                              {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                                              {"RLIMIT_NPROC", RLIMIT_NPROC},
                                                              {"RLIMIT_RSS", RLIMIT_RSS},
                                                              {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                                              {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                                              {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                                              {"RLIMIT_STACK", RLIMIT_STACK}};
  for (const auto& [known, number] : kResources) {
    if (known == name) return static_cast<uint64_t>(number);
  }
  return NotHere(absl::StrCat("limit ", name));
}

template <typename T>
void Append(const T* items, size_t count, std::string* to) {
  to->append(reinterpret_cast<const char*>(items), count * sizeof(T));
}

void AppendText(const std::string& text, std::string* to) {
  to->append(text.c_str(), text.size() + 1);
}

}  // namespace

// Fills an ExecPlanBase from a spec; nlohmann's exceptions mean that it is damaged.
class ExecPlanReader {
 public:
  explicit ExecPlanReader(ExecPlanBase* base) : base_(*base), head_(base->head_) {}

  absl::Status Read(const json& spec) {
    RETURN_IF_ERROR(CheckKeys(spec, kSpecKeys, ""));
    const json& linux_part = spec.at("linux");
    RETURN_IF_ERROR(CheckKeys(linux_part, kLinuxKeys, "linux."));
    ASSIGN_OR_RETURN(head_.namespaces, NamespacesOf(linux_part.at("namespaces")));
    if (const auto seccomp = linux_part.find("seccomp"); seccomp != linux_part.end() && !seccomp->is_null()) {
      ASSIGN_OR_RETURN(base_.filter_, CompileSeccomp(*seccomp));
      head_.flags |= ExecPlan::kSeccomp;
    }
    return ReadProcess(spec.at("process"));
  }

 private:
  absl::Status ReadProcess(const json& process) {
    RETURN_IF_ERROR(CheckKeys(process, kProcessKeys, "process."));
    RETURN_IF_ERROR(CheckKeys(process.at("user"), kUserKeys, "process.user."));
    head_.uid = process["user"].at("uid").get<uint32_t>();
    head_.gid = process["user"].at("gid").get<uint32_t>();
    base_.groups_ = process["user"].value("additionalGids", std::vector<uint32_t>());
    if (process.value("noNewPrivileges", false)) head_.flags |= ExecPlan::kNoNewPrivileges;
    if (!process.contains("oomScoreAdj")) return NotHere("a process without oomScoreAdj");
    head_.oom_score_adj = process["oomScoreAdj"].get<int32_t>();
    base_.directory_ = process.at("cwd").get<std::string>();
    const json capabilities = process.value("capabilities", json::object());
    head_.bounding = Mask(capabilities, "bounding");
    head_.effective = Mask(capabilities, "effective");
    head_.permitted = Mask(capabilities, "permitted");
    head_.inheritable = Mask(capabilities, "inheritable");
    head_.ambient = Mask(capabilities, "ambient");
    RETURN_IF_ERROR(ReadLimits(process));
    return ReadVariables(process.at("env"));
  }

  absl::Status ReadLimits(const json& process) {
    for (const json& one : process.value("rlimits", json::array())) {
      ASSIGN_OR_RETURN(const uint64_t resource, ResourceOf(one.at("type").get<std::string>()));
      base_.limits_.push_back({resource, one.at("soft").get<uint64_t>(), one.at("hard").get<uint64_t>()});
    }
    return absl::OkStatus();
  }

  // The runtime looks HOME up in the container's /etc/passwd, and TERM is the exec's.
  absl::Status ReadVariables(const json& env) {
    base_.variables_ = env.get<std::vector<std::string>>();
    bool has_home = false;
    for (const std::string& one : base_.variables_) {
      if (one.find('\0') != std::string::npos || one.find('=') == std::string::npos)
        return NotHere("such an environment");
      has_home = has_home || (absl::StartsWith(one, "HOME=") && one.size() > 5);
      base_.has_term_ = base_.has_term_ || absl::StartsWith(one, "TERM=");
    }
    return has_home ? absl::OkStatus() : NotHere("an environment without HOME");
  }

  ExecPlanBase& base_;
  ExecPlan& head_;
};

absl::StatusOr<ExecPlanBase> ExecPlanBase::Make(absl::string_view spec, const std::string& id, bool session_keyring) {
  const json parsed = json::parse(spec.begin(), spec.end(), nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return absl::InternalError("the container's OCI spec is damaged: it is no JSON object");
  ExecPlanBase base;
  if (session_keyring) base.keyring_ = absl::StrCat("_ses.", id);  // as runc names it
  try {
    RETURN_IF_ERROR(ExecPlanReader(&base).Read(parsed));
  } catch (const json::exception& error) {
    return absl::InternalError(absl::StrCat("the container's OCI spec is damaged: ", error.what()));
  }
  base.head_.instructions = static_cast<uint32_t>(base.filter_.size());
  base.head_.limits = static_cast<uint32_t>(base.limits_.size());
  base.head_.groups = static_cast<uint32_t>(base.groups_.size());
  return base;
}

absl::StatusOr<std::string> ExecPlanBase::For(const std::vector<std::string>& command, bool terminal) const {
  RETURN_IF_ERROR(CheckExecCommand(command));
  const bool add_term = terminal && !has_term_;
  ExecPlan head = head_;
  if (terminal) head.flags |= ExecPlan::kTerminal;
  head.arguments = static_cast<uint32_t>(command.size());
  head.variables = static_cast<uint32_t>(variables_.size() + (add_term ? 1 : 0));
  std::string plan(sizeof(head), '\0');
  Append(filter_.data(), filter_.size(), &plan);
  Append(limits_.data(), limits_.size(), &plan);
  Append(groups_.data(), groups_.size(), &plan);
  AppendText(keyring_, &plan);
  AppendText(directory_, &plan);
  for (const std::string& one : command) AppendText(one, &plan);
  for (const std::string& one : variables_) AppendText(one, &plan);
  if (add_term) AppendText("TERM=xterm", &plan);
  if (plan.size() > shim::kMaxExecPlan) return NotHere("a command that is so long");
  head.size = static_cast<uint32_t>(plan.size());
  plan.replace(0, sizeof(head), reinterpret_cast<const char*>(&head), sizeof(head));
  return plan;
}

}  // namespace crisp
