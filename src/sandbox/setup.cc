#include "sandbox/setup.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "sandbox/pod.h"
#include "sandbox/pod_runtime.h"

namespace crisp {
namespace {

constexpr char kFormer[] = "the configuration does not have it any more";

// `path`, or the file of that name in `older`, where pods have it that were made by crisp 0.1.
std::string FileOf(const std::string& path, const std::string& older) {
  return Exists(path) ? path : absl::StrCat(older, path.substr(path.rfind('/')));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Setup>> MakeSetup(SandboxOptions options, const Layout& layout) {
  ASSIGN_OR_RETURN(NodeFacts facts, ReadNodeFacts(options.restrict_oom_score_adj, options.security));
  RuntimeHandlers::Features features = AskRuntimes(options.runtimes, layout, facts.host);
  RuntimeHandlers handlers(options.runtimes, options.default_runtime, options.handlers, std::move(features));
  return std::make_shared<const Setup>(Setup{std::move(options), std::move(handlers), std::move(facts)});
}

void KeepFormerRuntimes(const SandboxOptions& before, SandboxOptions* options) {
  for (const auto& [name, runtime] : before.runtimes) {
    if (options->handlers.count(name) != 0 || !options->runtimes.emplace(name, runtime).second) continue;
    HandlerOptions& handler = options->handlers[name];
    if (const auto known = before.handlers.find(name); known != before.handlers.end()) handler = known->second;
    handler.former = true;
    handler.unusable = kFormer;
  }
}

SpecContext SpecContextOf(const Layout& layout, const Setup& setup, const Pod& pod, const std::string& container_id) {
  const PodRecord record = pod.record();
  const cri::LinuxPodSandboxConfig& config = record.config().linux();
  const bool host_ipc = config.security_context().namespace_options().ipc() == cri::NODE;
  SpecContext context;
  context.host = setup.facts.host;
  context.handler.systemd_cgroup = pod.runtime().systemd_cgroup;
  const std::string handler = HandlerNameOf(record);
  HandlerOptions options = setup.handlers.OptionsOf(handler);
  context.handler.cgroup_writable = options.cgroup_writable;
  context.handler.container_annotations = std::move(options.container_annotations);
  context.handler.pod_annotations = std::move(options.pod_annotations);
  context.handler.base = std::move(options.base);
  context.handler.runtime = setup.handlers.FeaturesOf(handler);
  context.pod.id = pod.id();
  context.pod.cgroup_parent = config.cgroup_parent();
  context.pod.selinux_level = record.selinux_level();
  context.pod.shm = host_ipc ? "/dev/shm" : layout.Shm(pod.id());
  const std::string older = layout.Pod(pod.id());
  context.pod.resolv_conf = FileOf(layout.ResolvConf(pod.id()), older);
  context.pod.hostname_file = FileOf(layout.Hostname(pod.id()), older);
  context.pod.hosts = FileOf(layout.Hosts(pod.id()), older);
  context.container.id = container_id;
  return context;
}

}  // namespace crisp
