#include "runtime/spec_process.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/default_path.h"
#include "base/status_macros.h"
#include "runtime/apparmor.h"
#include "runtime/capabilities.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"
#include "runtime/passwd.h"
#include "runtime/profiles.h"
#include "runtime/spec_resources.h"

namespace crisp {
namespace {

using nlohmann::json;

// Of the pause container: among the last that the kernel kills, since the pod's namespaces go with it.
constexpr int kSandboxOomScoreAdj = -998;

// An environment in which each name stands once, at its first place, with its last value. A request can hold 10^5 of
// them, so finding one must be cheap.
class Environment {
 public:
  void Set(const std::string& name, const std::string& value) {
    std::string entry = absl::StrCat(name, "=", value);
    const auto [place, added] = places_.emplace(name, entries_.size());
    if (added) {
      entries_.push_back(std::move(entry));
    } else {
      entries_[place->second] = std::move(entry);
    }
  }
  void SetIfAbsent(const std::string& name, const std::string& value) {
    if (places_.count(name) == 0) Set(name, value);
  }
  const std::string* Find(const std::string& name) const {
    const auto place = places_.find(name);
    return place == places_.end() ? nullptr : &entries_[place->second];
  }
  std::vector<std::string> Take() && { return std::move(entries_); }

 private:
  std::vector<std::string> entries_;
  std::unordered_map<std::string, size_t> places_;
};

// An entry without a name or a "=" says nothing, and is left out.
void AddEntries(const std::vector<std::string>& entries, Environment& environment) {
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    environment.Set(entry.substr(0, equals), entry.substr(equals + 1));
  }
}

// The container's own is checked with its configuration, and that of /etc/passwd where it is read: here it is the
// image's or a vendor's. Why it matters: user.cc, HomeOf.
absl::Status CheckHome(const Environment& environment) {
  const std::string* home = environment.Find("HOME");
  if (home == nullptr || !HasControlCharacter(*home)) return absl::OkStatus();
  return absl::InvalidArgumentError("HOME, as the image or a CDI device sets it, has a control character");
}

absl::StatusOr<std::vector<std::string>> ContainerEnvironment(const HostFacts& host, const CdiEdits& cdi,
                                                              const cri::PodSandboxConfig& pod,
                                                              const cri::ContainerConfig& container,
                                                              const ImageConfig& image, const ResolvedUser& user) {
  Environment environment;
  environment.Set("PATH", kDefaultPath);
  const std::string hostname = HostnameOf(host, pod);
  if (!hostname.empty()) environment.Set("HOSTNAME", hostname);
  AddEntries(image.env, environment);
  for (const cri::KeyValue& entry : container.envs()) environment.Set(entry.key(), entry.value());
  AddEntries(cdi.env, environment);
  environment.SetIfAbsent("HOME", user.home);
  RETURN_IF_ERROR(CheckHome(environment));
  if (container.tty()) environment.SetIfAbsent("TERM", "xterm");
  return std::move(environment).Take();
}

// Kubernetes' rule: a command replaces the image's entrypoint and cmd, args alone replace cmd.
absl::StatusOr<std::vector<std::string>> Arguments(const cri::ContainerConfig& container, const ImageConfig& image) {
  std::vector<std::string> arguments(container.command().begin(), container.command().end());
  const bool of_image = arguments.empty();
  if (of_image) arguments = image.entrypoint;
  if (container.args_size() > 0 || !of_image) {
    arguments.insert(arguments.end(), container.args().begin(), container.args().end());
  } else {
    arguments.insert(arguments.end(), image.cmd.begin(), image.cmd.end());
  }
  if (arguments.empty()) {
    return InvalidField("config.command", "no command specified: neither the container nor its image has one");
  }
  if (arguments[0].empty()) return InvalidField("config.command", "the program to run has an empty name");
  return arguments;
}

std::string WorkingDir(const cri::ContainerConfig& container, const ImageConfig& image) {
  if (!container.working_dir().empty()) return container.working_dir();
  return absl::StartsWith(image.working_dir, "/") ? image.working_dir : absl::StrCat("/", image.working_dir);
}

json User(const ResolvedUser& user, const std::vector<uint32_t>& more_gids) {
  std::vector<uint32_t> gids = user.additional_gids;
  for (const uint32_t gid : more_gids) {
    if (std::find(gids.begin(), gids.end(), gid) == gids.end()) gids.push_back(gid);
  }
  return {{"uid", user.uid}, {"gid", user.gid}, {"additionalGids", gids}};
}

// No inheritable ones but those that are asked for as ambient, which the kernel wants in both sets: otherwise a program
// gets capabilities by being run as root, or by its file's (CVE-2022-24769 is what inheritable ones led to).
json Capabilities(const CapabilitySets& sets) {
  const std::vector<std::string> names = CapabilityNames(sets.bounding);
  json result = {{"bounding", names}, {"effective", names}, {"permitted", names}};
  if (sets.ambient != 0) result["inheritable"] = result["ambient"] = CapabilityNames(sets.ambient);
  return result;
}

absl::StatusOr<uint32_t> ImageId(const std::string& text) {
  const std::optional<uint32_t> id = ParseId(text);
  if (!id) {
    return absl::InvalidArgumentError(
        absl::StrCat("the sandbox image's USER: \"", text, "\" is not a number; give the pod a run_as_user"));
  }
  return *id;
}

absl::StatusOr<ResolvedUser> SandboxUser(const cri::LinuxSandboxSecurityContext& security, const ImageConfig& image) {
  ResolvedUser user;
  if (security.has_run_as_user()) {
    user.uid = static_cast<uint32_t>(security.run_as_user().value());
    user.gid = static_cast<uint32_t>(security.run_as_group().value());
  } else if (!image.user.empty()) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(image.user, absl::MaxSplits(':', 1));
    ASSIGN_OR_RETURN(user.uid, ImageId(parts.first));
    if (!parts.second.empty()) {
      ASSIGN_OR_RETURN(user.gid, ImageId(parts.second));
    }
  }
  user.additional_gids = {user.gid};
  for (int64_t gid : security.supplemental_groups()) {
    if (gid != user.gid) user.additional_gids.push_back(static_cast<uint32_t>(gid));
  }
  return user;
}

// The profile that an explicit or a missing wish comes to; empty: none. A privileged container is not confined.
absl::StatusOr<std::string> ApparmorProfile(const HostFacts& host, const ProfileChoice& choice, bool by_default) {
  using Kind = ProfileChoice::Kind;
  if (choice.kind == Kind::kLocalhost) {
    if (host.apparmor) return choice.localhost;
    return InvalidField("config.linux.security_host.apparmor",
                        absl::StrCat("profile \"", choice.localhost,
                                     "\" is asked for, and AppArmor is not enabled on "
                                     "this node"));
  }
  const bool wanted = choice.kind == Kind::kDefault || (choice.kind == Kind::kUnset && by_default);
  return std::string(wanted && host.apparmor ? kDefaultApparmorProfile : "");
}

absl::Status AddApparmor(const HostFacts& host, const ProfileChoice& choice, bool by_default, json* process) {
  ASSIGN_OR_RETURN(const std::string profile, ApparmorProfile(host, choice, by_default));
  if (!profile.empty()) (*process)["apparmorProfile"] = profile;
  return absl::OkStatus();
}

std::vector<std::string> SandboxEnvironment(const ImageConfig& image) {
  Environment environment;
  environment.Set("PATH", kDefaultPath);
  AddEntries(image.env, environment);
  return std::move(environment).Take();
}

}  // namespace

absl::StatusOr<CapabilitySets> CapabilitiesOf(uint64_t host, const cri::LinuxContainerSecurityContext& security) {
  CapabilitySets sets{host, 0};
  if (!security.privileged()) {
    ASSIGN_OR_RETURN(sets.bounding, ContainerCapabilities(security.capabilities(), host));
  }
  ASSIGN_OR_RETURN(sets.ambient, AmbientCapabilities(security.capabilities(), sets.bounding));
  return sets;
}

std::string HostnameOf(const HostFacts& host, const cri::PodSandboxConfig& pod) {
  return pod.hostname().empty() ? host.hostname : pod.hostname();
}

absl::StatusOr<json> ContainerProcess(const HostFacts& host, const CdiEdits& cdi, const cri::PodSandboxConfig& pod,
                                      const cri::ContainerConfig& container, const ImageConfig& image,
                                      const ResolvedUser& user) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  ASSIGN_OR_RETURN(const std::vector<std::string> arguments, Arguments(container, image));
  ASSIGN_OR_RETURN(const CapabilitySets capabilities, CapabilitiesOf(host.capabilities, security));
  ASSIGN_OR_RETURN(const std::vector<std::string> environment,
                   ContainerEnvironment(host, cdi, pod, container, image, user));
  json process{{"terminal", container.tty()},
               {"user", User(user, cdi.additional_gids)},
               {"args", arguments},
               {"env", environment},
               {"cwd", WorkingDir(container, image)},
               {"capabilities", Capabilities(capabilities)},
               {"noNewPrivileges", security.no_new_privs()},
               {"oomScoreAdj", EffectiveOomScoreAdj(host, container.linux().resources().oom_score_adj())}};
  if (security.privileged()) return process;
  ASSIGN_OR_RETURN(const ProfileChoice choice, ApparmorOf(security));
  RETURN_IF_ERROR(AddApparmor(host, choice, /*by_default=*/true, &process));
  return process;
}

absl::StatusOr<json> SandboxProcess(const HostFacts& host, const cri::PodSandboxConfig& pod, const ImageConfig& image) {
  ASSIGN_OR_RETURN(const std::vector<std::string> arguments, Arguments(cri::ContainerConfig(), image),
                   "the sandbox image");
  ASSIGN_OR_RETURN(const ResolvedUser user, SandboxUser(pod.linux().security_context(), image));
  json process{{"terminal", false},
               {"user", User(user, {})},
               {"args", arguments},
               {"env", SandboxEnvironment(image)},
               {"cwd", WorkingDir(cri::ContainerConfig(), image)},
               {"capabilities", Capabilities({})},
               {"noNewPrivileges", true},
               {"oomScoreAdj", EffectiveOomScoreAdj(host, kSandboxOomScoreAdj)}};
  ASSIGN_OR_RETURN(const ProfileChoice choice, ApparmorOf(pod.linux().security_context()));
  RETURN_IF_ERROR(AddApparmor(host, choice, /*by_default=*/false, &process));
  return process;
}

}  // namespace crisp
