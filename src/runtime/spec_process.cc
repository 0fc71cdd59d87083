#include "runtime/spec_process.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "runtime/capabilities.h"
#include "runtime/field_error.h"
#include "runtime/passwd.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
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
  std::vector<std::string> Take() && { return std::move(entries_); }

 private:
  std::vector<std::string> entries_;
  std::unordered_map<std::string, size_t> places_;
};

// An entry without a name or a "=" says nothing, and is left out.
void AddImageEnvironment(const ImageConfig& image, Environment& environment) {
  for (const std::string& entry : image.env) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    environment.Set(entry.substr(0, equals), entry.substr(equals + 1));
  }
}

std::vector<std::string> ContainerEnvironment(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                              const cri::ContainerConfig& container, const ImageConfig& image,
                                              const ResolvedUser& user) {
  Environment environment;
  environment.Set("PATH", kDefaultPath);
  const std::string hostname = HostnameOf(context, pod);
  if (!hostname.empty()) environment.Set("HOSTNAME", hostname);
  AddImageEnvironment(image, environment);
  for (const cri::KeyValue& entry : container.envs()) environment.Set(entry.key(), entry.value());
  environment.SetIfAbsent("HOME", user.home);
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

json User(const ResolvedUser& user) {
  return {{"uid", user.uid}, {"gid", user.gid}, {"additionalGids", user.additional_gids}};
}

// No ambient and no inheritable ones: a program gets capabilities by being run as root, or by its file's
// (CVE-2022-24769 is what inheritable ones led to).
json Capabilities(uint64_t mask) {
  const std::vector<std::string> names = CapabilityNames(mask);
  return {{"bounding", names}, {"effective", names}, {"permitted", names}};
}

absl::StatusOr<uint64_t> CapabilitiesOf(const SpecContext& context,
                                        const cri::LinuxContainerSecurityContext& security) {
  if (security.privileged()) return context.host_capabilities;
  return ContainerCapabilities(security.capabilities(), context.host_capabilities);
}

// Always given: a container must not inherit the daemon's own, which may be -999.
int OomScoreAdj(const SpecContext& context, int64_t asked) {
  return std::max(static_cast<int>(asked), context.oom_score_adj_floor);
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

std::vector<std::string> SandboxEnvironment(const ImageConfig& image) {
  Environment environment;
  environment.Set("PATH", kDefaultPath);
  AddImageEnvironment(image, environment);
  return std::move(environment).Take();
}

}  // namespace

std::string HostnameOf(const SpecContext& context, const cri::PodSandboxConfig& pod) {
  return pod.hostname().empty() ? context.hostname : pod.hostname();
}

absl::StatusOr<json> ContainerProcess(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                      const cri::ContainerConfig& container, const ImageConfig& image,
                                      const ResolvedUser& user) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  ASSIGN_OR_RETURN(const std::vector<std::string> arguments, Arguments(container, image));
  ASSIGN_OR_RETURN(const uint64_t capabilities, CapabilitiesOf(context, security));
  return json{{"terminal", container.tty()},
              {"user", User(user)},
              {"args", arguments},
              {"env", ContainerEnvironment(context, pod, container, image, user)},
              {"cwd", WorkingDir(container, image)},
              {"capabilities", Capabilities(capabilities)},
              {"noNewPrivileges", security.no_new_privs()},
              {"oomScoreAdj", OomScoreAdj(context, container.linux().resources().oom_score_adj())}};
}

absl::StatusOr<json> SandboxProcess(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                    const ImageConfig& image) {
  ASSIGN_OR_RETURN(const std::vector<std::string> arguments, Arguments(cri::ContainerConfig(), image),
                   "the sandbox image");
  ASSIGN_OR_RETURN(const ResolvedUser user, SandboxUser(pod.linux().security_context(), image));
  return json{{"terminal", false},
              {"user", User(user)},
              {"args", arguments},
              {"env", SandboxEnvironment(image)},
              {"cwd", WorkingDir(cri::ContainerConfig(), image)},
              {"capabilities", Capabilities(0)},
              {"noNewPrivileges", true},
              {"oomScoreAdj", OomScoreAdj(context, kSandboxOomScoreAdj)}};
}

}  // namespace crisp
