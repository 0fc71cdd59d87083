#include "sandbox/spec_inputs.h"

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "sandbox/handlers.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

// `path`, or the file of that name in `older`, where pods have it that were made by crisp 0.1.
std::string FileOf(const std::string& path, const std::string& older) {
  return Exists(path) ? path : absl::StrCat(older, path.substr(path.rfind('/')));
}

}  // namespace

SpecContext SpecInputs::For(const Pod& pod, const std::string& container_id) const {
  const PodRecord record = pod.record();
  const cri::LinuxPodSandboxConfig& config = record.config().linux();
  const bool host_ipc = config.security_context().namespace_options().ipc() == cri::NODE;
  SpecContext context;
  context.host = host_;
  context.handler.systemd_cgroup = pod.runtime().systemd_cgroup;
  HandlerOptions options = handlers_->OptionsOf(record.runtime_handler());
  context.handler.cgroup_writable = options.cgroup_writable;
  context.handler.container_annotations = std::move(options.container_annotations);
  context.handler.pod_annotations = std::move(options.pod_annotations);
  context.handler.base = std::move(options.base);
  context.handler.runtime = handlers_->FeaturesOf(record.runtime_handler());
  context.pod.id = pod.id();
  context.pod.cgroup_parent = config.cgroup_parent();
  context.pod.selinux_level = record.selinux_level();
  context.pod.shm = host_ipc ? "/dev/shm" : layout_.Shm(pod.id());
  const std::string older = layout_.Pod(pod.id());
  context.pod.resolv_conf = FileOf(layout_.ResolvConf(pod.id()), older);
  context.pod.hostname_file = FileOf(layout_.Hostname(pod.id()), older);
  context.pod.hosts = FileOf(layout_.Hosts(pod.id()), older);
  context.container.id = container_id;
  return context;
}

}  // namespace crisp
