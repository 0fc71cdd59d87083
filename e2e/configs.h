// What the tests ask for: configurations of pods and containers, and the parts of them that tests change.
#pragma once

#include <string>
#include <vector>

#include "api/cri/cri.h"

namespace crisp::e2e {

// A container of busybox that runs `command` and logs to "<name>.log" in the pod's log directory.
cri::ContainerConfig ContainerRunning(const std::string& name, const std::vector<std::string>& command);
// The same with `script` run by a shell.
cri::ContainerConfig ContainerOf(const std::string& name, const std::string& script);

// Makes `config` that of another container: its name and log file.
void Rename(cri::ContainerConfig& config, const std::string& name);

// A mount of the host's `from` at `to` in the container; writable.
cri::Mount& AddMount(cri::ContainerConfig& config, const std::string& from, const std::string& to);
// A mount of an image at `to`, read-only.
cri::Mount& AddImageMount(cri::ContainerConfig& config, const std::string& image, const std::string& to);
cri::Device& AddDevice(cri::ContainerConfig& config, const std::string& from, const std::string& to,
                       const std::string& permissions);
void AddEnv(cri::ContainerConfig& config, const std::string& key, const std::string& value);

inline cri::LinuxSandboxSecurityContext& Security(cri::PodSandboxConfig& config) {
  return *config.mutable_linux()->mutable_security_context();
}
inline cri::LinuxContainerSecurityContext& Security(cri::ContainerConfig& config) {
  return *config.mutable_linux()->mutable_security_context();
}
// Of a pod or a container.
template <typename Config>
cri::NamespaceOption& Namespaces(Config& config) {
  return *Security(config).mutable_namespace_options();
}

// On the network of the node. A pod's hostname must then be empty.
void UseHostNetwork(cri::PodSandboxConfig& config);
void UseHostNetwork(cri::ContainerConfig& config);

// Maps ids from 0 on to `host_id` and up, users and groups alike.
template <typename UserNamespace>
void MapIds(UserNamespace& user, uint32_t host_id, uint32_t length) {
  for (cri::IDMapping* mapping : {user.add_uids(), user.add_gids()}) {
    mapping->set_host_id(host_id);
    mapping->set_length(length);
  }
}

// The part of crispd's configuration file that adds a runtime handler whose OCI runtime is `binary`.
std::string HandlerToml(const std::string& handler, const std::string& binary);

}  // namespace crisp::e2e
