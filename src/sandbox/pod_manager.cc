#include "sandbox/pod_manager.h"

#include <future>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/user_namespace.h"
#include "runtime/runc_version.h"

namespace crisp {

namespace {

// A handler without an answer has no features, and its pods that need none run.
RuntimeFeatures FeaturesOf(const std::string& name, const OciRuntime& runtime) {
  auto features = AskRuntimeFeatures(runtime.binary, Call());
  if (!features.ok()) {
    LogWarning("an OCI runtime does not tell its features: none is taken for granted",
               {{"runtime", name}, {"error", features.status().message()}});
    return {};
  }
  if (const std::string holes = HolesOfRunc(features->runc_version); !holes.empty()) {
    LogWarning("an OCI runtime of this version lets containers out, unless your distribution has mended it",
               {{"runtime", name}, {"version", features->runc_version}, {"holes", holes}});
  }
  return *std::move(features);
}

// Side by side: each costs the time of a process. Where no thread can be had, one after the other.
std::map<std::string, RuntimeFeatures> AskAll(const std::map<std::string, OciRuntime>& runtimes) {
  std::map<std::string, std::future<RuntimeFeatures>> answers;
  for (const auto& [name, runtime] : runtimes) {
    answers[name] = std::async(std::launch::async | std::launch::deferred, FeaturesOf, name, runtime);
  }
  std::map<std::string, RuntimeFeatures> features;
  for (auto& [name, answer] : answers) features[name] = answer.get();
  return features;
}

// The kernel and the file system of the layers must be able as well. Overlayfs takes idmapped layers from Linux 5.19
// on.
absl::Status CheckShiftedLayers(const Layout& layout, const HostFacts& machine) {
  if (std::pair(machine.kernel_major, machine.kernel_minor) < std::pair(5, 19)) {
    return absl::FailedPreconditionError("the kernel is older than 5.19, and cannot shift the owners of layers");
  }
  return CheckIdmapping(layout.Layers());
}

void JudgeUserNamespaces(const Layout& layout, const HostFacts& machine,
                         std::map<std::string, RuntimeFeatures>* features) {
  bool any = false;
  for (auto& [name, one] : *features) {
    one.user_namespace = one.user_namespace && one.idmapped_mounts;
    any = any || one.user_namespace;
  }
  if (!any) return;
  const absl::Status able = CheckShiftedLayers(layout, machine);
  if (able.ok()) return;
  LogInfo("no pod can have a user namespace on this node", {{"error", able.message()}});
  for (auto& [name, one] : *features) one.user_namespace = false;
}

}  // namespace

PodManager::PodManager(Parts parts, Machine machine, std::map<std::string, RuntimeFeatures> features)
    : layout_(std::move(parts.layout)),
      images_(parts.images),
      network_(parts.network),
      reactor_(parts.reactor),
      options_(std::move(parts.options)),
      machine_(std::move(machine)),
      features_(std::move(features)),
      records_(parts.database, layout_) {}

PodManager::~PodManager() = default;

PodManager::ShimCloser::~ShimCloser() {
  for (const PodPtr& pod : manager->Pods()) pod->ForgetShim();
}

absl::StatusOr<std::unique_ptr<PodManager>> PodManager::Open(Parts parts) {
  ASSIGN_OR_RETURN(Machine machine, LookAtMachine(parts.options.restrict_oom_score_adj, parts.options.security));
  std::map<std::string, RuntimeFeatures> features = AskAll(parts.options.runtimes);
  JudgeUserNamespaces(parts.layout, machine.host, &features);
  auto manager = std::unique_ptr<PodManager>(new PodManager(std::move(parts), std::move(machine), std::move(features)));
  RETURN_IF_ERROR(manager->Recover(), "take over the pods of the last daemon");
  return manager;
}

absl::StatusOr<PodManager::PodPtr> PodManager::FindPod(const std::string& id) {
  if (id.empty()) return absl::InvalidArgumentError("field pod_sandbox_id: must not be empty");
  MutexLock lock(mutex_);
  PodPtr found;
  for (auto it = pods_.lower_bound(id); it != pods_.end() && absl::StartsWith(it->first, id); ++it) {
    if (!it->second->created()) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("field pod_sandbox_id: several pods have ids that begin with ", id));
    }
    found = it->second;
  }
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("pod ", id, " is not known"));
  return found;
}

absl::StatusOr<PodManager::Found> PodManager::FindContainer(const std::string& id) {
  if (id.empty()) return absl::InvalidArgumentError("field container_id: must not be empty");
  Found found;
  for (const PodPtr& pod : Pods()) {
    for (const ContainerPtr& container : pod->containers()) {
      if (!container->created() || !absl::StartsWith(container->id(), id)) continue;
      if (found.container != nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("field container_id: several containers have ids that begin with ", id));
      }
      found = {pod, container};
    }
  }
  if (found.container == nullptr) return absl::NotFoundError(absl::StrCat("container ", id, " is not known"));
  return found;
}

std::vector<PodManager::PodPtr> PodManager::Pods() {
  MutexLock lock(mutex_);
  std::vector<PodPtr> pods;
  pods.reserve(pods_.size());
  for (const auto& [id, pod] : pods_) pods.push_back(pod);
  return pods;
}

PodManager::PodPtr PodManager::FindPodByName(const cri::PodSandboxMetadata& name) {
  for (const PodPtr& pod : Pods()) {
    const PodRecord record = pod->record();
    const cri::PodSandboxMetadata& other = record.config().metadata();
    if (other.name() == name.name() && other.namespace_() == name.namespace_() && other.uid() == name.uid() &&
        other.attempt() == name.attempt()) {
      return pod;
    }
  }
  return nullptr;
}

void PodManager::Publish(const PodPtr& pod) {
  MutexLock lock(mutex_);
  pods_[pod->id()] = pod;
}

void PodManager::Forget(const PodPtr& pod) {
  MutexLock lock(mutex_);
  pods_.erase(pod->id());
}

std::map<std::string, RuntimeFeatures> PodManager::HandlerFeatures() const {
  std::map<std::string, RuntimeFeatures> features = features_;
  features[""] = features_.at(options_.default_runtime);
  return features;
}

absl::Status PodManager::ForClient(const absl::Status& status) {
  return absl::IsUnavailable(status) ? absl::InternalError(status.message()) : status;
}

const std::string& PodManager::HandlerName(const std::string& handler) const {
  return handler.empty() ? options_.default_runtime : handler;
}

HandlerOptions PodManager::HandlerOf(const PodPtr& pod) const {
  const auto found = options_.handlers.find(HandlerName(pod->record().runtime_handler()));
  return found == options_.handlers.end() ? HandlerOptions{} : found->second;
}

absl::StatusOr<OciRuntime> PodManager::RuntimeFor(const std::string& handler) {
  const auto found = options_.runtimes.find(HandlerName(handler));
  if (found == options_.runtimes.end()) {
    return absl::InvalidArgumentError(absl::StrCat("field runtime_handler: no runtime \"", handler,
                                                   "\" is configured; name it under containerd.runtimes"));
  }
  return found->second;
}

PodManager::PodPtr PodManager::PodOfId(const std::string& id) {
  MutexLock lock(mutex_);
  const auto found = pods_.find(id);
  return found == pods_.end() ? nullptr : found->second;
}

PodManager::PodPtr PodManager::NewPod(PodRecord record, OciRuntime runtime) {
  const std::string id = record.id();
  Pod::Hooks hooks;
  hooks.shim_died = [this, id] {
    background_.Run([this, id] {
      if (const PodPtr pod = PodOfId(id)) Collapse(pod);
    });
  };
  hooks.exited = [this, id](const ContainerPtr& container) {
    if (const PodPtr pod = PodOfId(id)) TellExit(pod, container);
  };
  return std::make_shared<Pod>(std::move(record), std::move(runtime), std::move(hooks));
}

SpecContext PodManager::ContextFor(const PodPtr& pod, const std::string& id) const {
  const PodRecord record = pod->record();
  const cri::LinuxPodSandboxConfig& config = record.config().linux();
  const bool host_ipc = config.security_context().namespace_options().ipc() == cri::NODE;
  SpecContext context;
  context.host = machine_.host;
  context.handler.systemd_cgroup = pod->runtime().systemd_cgroup;
  context.handler.cgroup_writable = HandlerOf(pod).cgroup_writable;
  if (const auto features = features_.find(HandlerName(record.runtime_handler())); features != features_.end()) {
    context.handler.runtime = features->second;
  }
  context.pod.id = pod->id();
  context.pod.cgroup_parent = config.cgroup_parent();
  context.pod.selinux_level = record.selinux_level();
  context.pod.shm = host_ipc ? "/dev/shm" : layout_.Shm(pod->id());
  context.pod.resolv_conf = layout_.ResolvConf(pod->id());
  context.pod.hostname_file = layout_.Hostname(pod->id());
  context.pod.hosts = layout_.Hosts(pod->id());
  context.container.id = id;
  return context;
}

ShimPaths PodManager::ShimPathsOf(const std::string& pod_id) const {
  return {options_.shim_program, layout_.ShimSocket(pod_id), layout_.ShimLog(pod_id)};
}

}  // namespace crisp
