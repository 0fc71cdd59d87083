#include "e2e/configs.h"

#include "e2e/images.h"

namespace crisp::e2e {

cri::ContainerConfig ContainerRunning(const std::string& name, const std::vector<std::string>& command) {
  cri::ContainerConfig config;
  Rename(config, name);
  config.mutable_image()->set_image(kBusybox);
  for (const std::string& word : command) config.add_command(word);
  Namespaces(config).set_pid(cri::CONTAINER);  // what the kubelet asks for; the default of the field is POD
  return config;
}

cri::ContainerConfig ContainerOf(const std::string& name, const std::string& script) {
  return ContainerRunning(name, {"sh", "-c", script});
}

void Rename(cri::ContainerConfig& config, const std::string& name) {
  config.mutable_metadata()->set_name(name);
  config.set_log_path(name + ".log");
}

cri::Mount& AddMount(cri::ContainerConfig& config, const std::string& from, const std::string& to) {
  cri::Mount* mount = config.add_mounts();
  mount->set_host_path(from);
  mount->set_container_path(to);
  return *mount;
}

cri::Mount& AddImageMount(cri::ContainerConfig& config, const std::string& image, const std::string& to) {
  cri::Mount* mount = config.add_mounts();
  mount->mutable_image()->set_image(image);
  mount->set_container_path(to);
  return *mount;
}

cri::Device& AddDevice(cri::ContainerConfig& config, const std::string& from, const std::string& to,
                       const std::string& permissions) {
  cri::Device* device = config.add_devices();
  device->set_host_path(from);
  device->set_container_path(to);
  device->set_permissions(permissions);
  return *device;
}

void AddEnv(cri::ContainerConfig& config, const std::string& key, const std::string& value) {
  cri::KeyValue* variable = config.add_envs();
  variable->set_key(key);
  variable->set_value(value);
}

void UseHostNetwork(cri::PodSandboxConfig& config) {
  Namespaces(config).set_network(cri::NODE);
  config.clear_hostname();
}

void UseHostNetwork(cri::ContainerConfig& config) {
  Namespaces(config).set_network(cri::NODE);
}

std::string HandlerToml(const std::string& handler, const std::string& binary) {
  const std::string table = "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.\"" + handler + "\"";
  return table + "]\nruntime_type = \"io.containerd.runc.v2\"\n" + table + ".options]\nBinaryName = \"" + binary +
         "\"\n";
}

}  // namespace crisp::e2e
