#include "sandbox/pod_manager.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {

PodManager::PodManager(Parts parts, Machine machine)
    : layout_(std::move(parts.layout)),
      images_(parts.images),
      network_(parts.network),
      reactor_(parts.reactor),
      options_(std::move(parts.options)),
      machine_(std::move(machine)),
      records_(parts.database) {}

PodManager::~PodManager() = default;

absl::StatusOr<std::unique_ptr<PodManager>> PodManager::Open(Parts parts) {
  ASSIGN_OR_RETURN(Machine machine, LookAtMachine(parts.options.restrict_oom_score_adj));
  auto manager = std::unique_ptr<PodManager>(new PodManager(std::move(parts), std::move(machine)));
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

absl::StatusOr<OciRuntime> PodManager::RuntimeFor(const std::string& handler) {
  const auto found = options_.runtimes.find(handler.empty() ? options_.default_runtime : handler);
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
  SpecContext context = machine_.context;
  context.id = id;
  context.sandbox_id = pod->id();
  context.cgroup_parent = config.cgroup_parent();
  context.systemd_cgroup = pod->runtime().systemd_cgroup;
  context.shm = host_ipc ? "/dev/shm" : layout_.Shm(pod->id());
  context.resolv_conf = layout_.ResolvConf(pod->id());
  context.hostname_file = layout_.Hostname(pod->id());
  context.hosts = layout_.Hosts(pod->id());
  return context;
}

ShimPaths PodManager::ShimPathsOf(const std::string& pod_id) const {
  return {options_.shim_program, layout_.ShimSocket(pod_id), layout_.ShimLog(pod_id)};
}

}  // namespace crisp
