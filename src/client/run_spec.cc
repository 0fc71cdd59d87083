#include "client/run_spec.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/containers.h"

namespace crisp::client {
namespace {

constexpr int64_t kCpuPeriod = 100000;  // µs, the kernel's default
constexpr size_t kMostHostname = 63;

template <typename List>
void AddAll(const std::vector<std::string>& words, List* list) {
  for (const std::string& word : words) *list->Add() = word;
}

// What runs in the end, for lists.
std::vector<std::string> CommandOf(const RunSpec& spec, const ImageCommand& image) {
  std::vector<std::string> words = image.entrypoint;
  if (spec.entrypoint) words = spec.entrypoint->empty() ? std::vector<std::string>() : std::vector{*spec.entrypoint};
  const bool image_cmd = spec.arguments.empty() && !spec.entrypoint;
  const std::vector<std::string>& rest = image_cmd ? image.cmd : spec.arguments;
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

absl::Status SetCommand(const RunSpec& spec, cri::ContainerConfig* config) {
  if (spec.entrypoint && spec.entrypoint->empty()) {
    if (spec.arguments.empty()) return absl::InvalidArgumentError("--entrypoint \"\" leaves no command; give one");
    AddAll(spec.arguments, config->mutable_command());
    return absl::OkStatus();
  }
  if (spec.entrypoint) config->add_command(*spec.entrypoint);
  AddAll(spec.arguments, config->mutable_args());
  return absl::OkStatus();
}

void SetEnvironment(const RunSpec& spec, cri::ContainerConfig* config) {
  std::map<std::string, int> at;
  for (const std::string& variable : spec.environment) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(variable, absl::MaxSplits('=', 1));
    const auto known = at.find(pair.first);
    cri::KeyValue* const value = known == at.end() ? config->add_envs() : config->mutable_envs(known->second);
    at.emplace(pair.first, config->envs_size() - 1);
    value->set_key(pair.first);
    value->set_value(pair.second);
  }
}

void SetMounts(const RunSpec& spec, const std::string& directory, const std::string& volumes,
               cri::ContainerConfig* config) {
  for (const Volume& volume : spec.volumes) {
    cri::Mount* const mount = config->add_mounts();
    if (volume.source.empty()) {
      mount->set_host_path(absl::StrCat(directory, "/volumes/", config->mounts_size() - 1));
    } else {
      mount->set_host_path(volume.named() ? absl::StrCat(volumes, "/", volume.source) : volume.source);
    }
    mount->set_container_path(volume.target);
    mount->set_readonly(volume.readonly);
    mount->set_selinux_relabel(volume.relabel);
    mount->set_propagation(volume.propagation);
  }
}

void SetResources(const RunSpec& spec, cri::LinuxContainerResources* resources) {
  if (spec.cpus > 0) {
    resources->set_cpu_period(kCpuPeriod);
    resources->set_cpu_quota(static_cast<int64_t>(spec.cpus * static_cast<double>(kCpuPeriod)));
  }
  resources->set_cpu_shares(spec.cpu_shares);
  resources->set_cpuset_cpus(spec.cpuset_cpus);
  resources->set_cpuset_mems(spec.cpuset_mems);
  resources->set_memory_limit_in_bytes(spec.memory);
  resources->set_memory_swap_limit_in_bytes(spec.memory_swap);
  resources->set_oom_score_adj(spec.oom_score_adj);
}

void SetNamespaces(const RunSpec& spec, cri::NamespaceOption* namespaces) {
  namespaces->set_network(spec.host_network ? cri::NODE : cri::POD);
  namespaces->set_pid(spec.host_pid ? cri::NODE : cri::CONTAINER);
  namespaces->set_ipc(spec.host_ipc ? cri::NODE : cri::POD);
}

absl::Status SetSecurity(const RunSpec& spec, cri::LinuxContainerSecurityContext* security) {
  SetNamespaces(spec, security->mutable_namespace_options());
  security->set_privileged(spec.privileged);
  security->set_readonly_rootfs(spec.readonly_root);
  AddAll(spec.add_capabilities, security->mutable_capabilities()->mutable_add_capabilities());
  AddAll(spec.drop_capabilities, security->mutable_capabilities()->mutable_drop_capabilities());
  if (!spec.user.empty()) RETURN_IF_ERROR(ParseUser(spec.user, security), "--user");
  for (const std::string& option : spec.security_options) {
    RETURN_IF_ERROR(ParseSecurityOption(option, security), "--security-opt");
  }
  return absl::OkStatus();
}

std::string PortsText(const RunSpec& spec) {
  std::vector<std::string> texts;
  for (const cri::PortMapping& mapping : spec.ports) texts.push_back(PortText(mapping));
  return absl::StrJoin(texts, ", ");
}

template <typename Config>
void SetMarks(const RunSpec& spec, Config* config) {
  for (const auto& [key, value] : spec.labels) (*config->mutable_labels())[key] = value;
  for (const auto& [key, value] : spec.annotations) (*config->mutable_annotations())[key] = value;
  (*config->mutable_labels())[kNameLabel] = spec.name;
}

cri::PodSandboxConfig PodOf(const RunSpec& spec, const std::string& directory) {
  cri::PodSandboxConfig pod;
  pod.mutable_metadata()->set_name(spec.name);
  pod.mutable_metadata()->set_namespace_(kOwnNamespace);
  if (!spec.host_network) {
    pod.set_hostname(spec.hostname.empty() ? spec.name.substr(0, kMostHostname) : spec.hostname);
  }
  pod.set_log_directory(directory);
  AddAll(spec.dns, pod.mutable_dns_config()->mutable_servers());
  AddAll(spec.dns_search, pod.mutable_dns_config()->mutable_searches());
  AddAll(spec.dns_options, pod.mutable_dns_config()->mutable_options());
  if (pod.dns_config().ByteSizeLong() == 0) pod.clear_dns_config();
  for (const cri::PortMapping& mapping : spec.ports) *pod.add_port_mappings() = mapping;
  SetMarks(spec, &pod);
  pod.mutable_linux()->set_cgroup_parent(spec.cgroup_parent);
  for (const auto& [key, value] : spec.sysctls) (*pod.mutable_linux()->mutable_sysctls())[key] = value;
  cri::LinuxSandboxSecurityContext& security = *pod.mutable_linux()->mutable_security_context();
  SetNamespaces(spec, security.mutable_namespace_options());
  security.set_privileged(spec.privileged);
  return pod;
}

}  // namespace

absl::StatusOr<OwnConfig> BuildConfig(const RunSpec& spec, const ImageCommand& image, const std::string& directory,
                                      const std::string& volumes) {
  if (spec.host_network && !spec.ports.empty()) {
    return absl::InvalidArgumentError("-p has no meaning with --network host: every port is the host's; leave one out");
  }
  if (spec.host_network && !spec.hostname.empty()) {
    return absl::InvalidArgumentError("--hostname has no meaning with --network host; leave one out");
  }
  OwnConfig config;
  config.pod = PodOf(spec, directory);
  cri::ContainerConfig& container = config.container;
  container.mutable_metadata()->set_name(spec.name);
  container.mutable_image()->set_image(spec.image);
  container.mutable_image()->set_user_specified_image(image.name);
  RETURN_IF_ERROR(SetCommand(spec, &container));
  container.set_working_dir(spec.working_dir);
  container.set_log_path("container.log");
  container.set_tty(spec.terminal);
  container.set_stdin(spec.interactive);
  container.set_stdin_once(spec.stdin_once);
  if (!spec.stop_signal.empty()) {
    ASSIGN_OR_RETURN(const cri::Signal signal, ParseSignal(spec.stop_signal), "--stop-signal");
    container.set_stop_signal(signal);
  }
  SetEnvironment(spec, &container);
  SetMounts(spec, directory, volumes, &container);
  for (const cri::Device& device : spec.devices) *container.add_devices() = device;
  SetResources(spec, container.mutable_linux()->mutable_resources());
  RETURN_IF_ERROR(SetSecurity(spec, container.mutable_linux()->mutable_security_context()));
  SetMarks(spec, &container);
  (*container.mutable_annotations())[kImageNote] = image.name;
  (*container.mutable_annotations())[kCommandNote] = nlohmann::json(CommandOf(spec, image)).dump();
  (*container.mutable_annotations())[kPortsNote] = PortsText(spec);
  return config;
}

}  // namespace crisp::client
