#include "sandbox/spec_inputs.h"

#include "sandbox/handlers.h"
#include "sandbox/pod.h"

namespace crisp {

SpecContext SpecInputs::For(const Pod& pod, const std::string& container_id) const {
  const PodRecord record = pod.record();
  const cri::LinuxPodSandboxConfig& config = record.config().linux();
  const bool host_ipc = config.security_context().namespace_options().ipc() == cri::NODE;
  SpecContext context;
  context.host = host_;
  context.handler.systemd_cgroup = pod.runtime().systemd_cgroup;
  context.handler.cgroup_writable = handlers_->OptionsOf(record.runtime_handler()).cgroup_writable;
  context.handler.runtime = handlers_->FeaturesOf(record.runtime_handler());
  context.pod.id = pod.id();
  context.pod.cgroup_parent = config.cgroup_parent();
  context.pod.selinux_level = record.selinux_level();
  context.pod.shm = host_ipc ? "/dev/shm" : layout_.Shm(pod.id());
  context.pod.resolv_conf = layout_.ResolvConf(pod.id());
  context.pod.hostname_file = layout_.Hostname(pod.id());
  context.pod.hosts = layout_.Hosts(pod.id());
  context.container.id = container_id;
  return context;
}

}  // namespace crisp
