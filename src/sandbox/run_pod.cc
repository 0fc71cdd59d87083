#include "sandbox/run_pod.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/cgroups_path.h"
#include "runtime/check_sandbox.h"
#include "runtime/selinux.h"
#include "runtime/spec_namespaces.h"
#include "sandbox/contents.h"
#include "sandbox/deadlines.h"
#include "sandbox/event_publisher.h"
#include "sandbox/operation.h"
#include "sandbox/pause_container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_files.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_network.h"
#include "sandbox/pod_runtime.h"
#include "sandbox/records.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/teardown.h"

namespace crisp {
namespace {

std::string NameKey(const cri::PodSandboxMetadata& name) {
  return absl::StrCat("pod ", name.namespace_(), "/", name.name(), "/", name.uid(), "/", name.attempt());
}

bool IsSameRequest(const PodRecord& record, const cri::RunPodSandboxRequest& request) {
  return record.runtime_handler() == request.runtime_handler() &&
         ContentsOf(record.config()) == ContentsOf(request.config());
}

// Whether the pause container makes the network namespace, with the pod's user namespace.
bool MakesOwnNetwork(const cri::PodSandboxConfig& config) {
  return HasUserNamespace(config) && !UsesHostNetwork(config);
}

// The next attempt may remove it: it was never acknowledged, or its removal has begun. A pod that the last daemon has
// left half made is kUndoing.
bool IsReplaceable(const Pod& pod) {
  const Pod::State state = pod.state();
  return state == Pod::State::kUndoing || state == Pod::State::kLeftover || state == Pod::State::kRemoving;
}

}  // namespace

absl::StatusOr<std::string> PodRunner::Run(const cri::RunPodSandboxRequest& request, const CallContext& call) {
  RETURN_IF_ERROR(CheckSandboxConfig(request.config()));
  const std::shared_ptr<const Setup> setup = parts_.setup->Get();
  RETURN_IF_ERROR(setup->handlers.CheckUsable(request.runtime_handler()));
  RETURN_IF_ERROR(CheckUserNamespaceSupport(setup->handlers.FeaturesOf(request.runtime_handler()), request.config()));
  return flights_.Do(
      NameKey(request.config().metadata()), call,
      [this, setup, request, trace = call.trace()](const SingleFlight<std::string>::Abandoned& abandoned) {
        Operation operation("RunPodSandbox", LogFieldsOf(request.config().metadata()), kRunPodDeadline, abandoned,
                            trace);
        return operation.End(RunOnce(*setup, request, &operation));
      },
      ContentsOf(request), &parts_.counters->joined.Of("RunPodSandbox"));
}

absl::StatusOr<std::string> PodRunner::RunOnce(const Setup& setup, const cri::RunPodSandboxRequest& request,
                                               Operation* operation) {
  const CallContext& call = operation->call();
  ASSIGN_OR_RETURN(std::string same, FindSame(request, call));
  if (!same.empty()) return same;
  ASSIGN_OR_RETURN(const PodPtr pod, NewPod(setup, request));
  operation->log().Add("pod_id", pod->id());
  const std::string what = absl::StrCat("run pod ", request.config().metadata().name());
  RETURN_IF_ERROR(Plan(setup, pod), what);
  call.Done("plan and record");
  const absl::Status made = Make(setup, pod, call);
  if (made.ok()) return pod->id();
  const absl::Status undone = Undo(pod);
  call.Done("undo");
  return Join(Annotate(made, what), Annotate(undone, "undo it"));
}

absl::StatusOr<std::string> PodRunner::FindSame(const cri::RunPodSandboxRequest& request, const CallContext& call) {
  const PodPtr other = parts_.table->ByName(request.config().metadata());
  if (other == nullptr) return std::string();
  if (other->ready() && IsSameRequest(other->record(), request)) return other->id();
  if (!IsReplaceable(*other)) {
    return absl::AlreadyExistsError(
        absl::StrCat("pod name ", request.config().metadata().name(), " is in use by pod ", other->id()));
  }
  ASSIGN_OR_RETURN(const Gate::Pass inside, other->gate.Enter(call));
  RETURN_IF_ERROR(parts_.teardown->RemovePod(other, call), "remove what an earlier attempt has left");
  return std::string();
}

absl::StatusOr<PodPtr> PodRunner::NewPod(const Setup& setup, const cri::RunPodSandboxRequest& request) {
  PodRecord record;
  ASSIGN_OR_RETURN(OciRuntime runtime, ChooseRuntime(setup.handlers, request.runtime_handler(), &record));
  record.set_id(NewId());
  *record.mutable_config() = request.config();
  record.set_runtime_handler(request.runtime_handler());
  record.set_created_at(WallNanos());
  return std::make_shared<Pod>(std::move(record), std::move(runtime), parts_.listener);
}

absl::Status PodRunner::Plan(const Setup& setup, const PodPtr& pod) {
  PodRecord plan = pod->record();
  RETURN_IF_ERROR(parts_.network->Plan(&plan));
  plan.set_cgroups_path(CgroupsPath(pod->runtime().systemd_cgroup, plan.config().linux().cgroup_parent(), pod->id()));
  plan.set_made_pod_cgroup(!PodCgroupExists(plan, pod->runtime().systemd_cgroup));
  ASSIGN_OR_RETURN(*plan.mutable_selinux_level(), NewLevel(setup));
  pod->UpdateRecord([&](PodRecord* record) { record->Swap(&plan); });
  return parts_.records->Save(*pod);
}

absl::Status PodRunner::Make(const Setup& setup, const PodPtr& pod, const CallContext& call) {
  parts_.table->Add(pod);
  RETURN_IF_ERROR(MakeDirs(parts_.layout.Pod(pod->id()), 0700));
  RETURN_IF_ERROR(MakesOwnNetwork(pod->record().config()) ? StartThenAttach(setup, pod, call)
                                                          : StartWhileAttaching(setup, pod, call));
  RETURN_IF_ERROR(parts_.records->Save(PhaseOf(Pod::State::kReady), pod->record()));
  if (!pod->MoveTo(Pod::State::kReady)) {
    return absl::InternalError("its pause container or its shim has ended meanwhile");
  }
  call.Done("record that it is ready");
  parts_.events->PodStarted(pod);
  return absl::OkStatus();
}

// The plugins and the pause container need nothing of each other but the network namespace. The first that fails
// cancels the other. Without threads they come one after the other.
absl::Status PodRunner::StartWhileAttaching(const Setup& setup, const PodPtr& pod, const CallContext& call) {
  const PodRecord record = pod->record();
  const bool own_network = !UsesHostNetwork(record.config());
  if (own_network) RETURN_IF_ERROR(parts_.network->CreateNamespace(record));
  call.Done("create network namespace");
  std::atomic<bool> failed{false};
  const CallContext until_failure = call.CancelledBy([&failed] { return failed.load(); });
  auto attached = std::async(std::launch::async | std::launch::deferred, [&] {
    absl::Status status = own_network ? parts_.network->Attach(pod.get(), until_failure) : absl::OkStatus();
    if (!status.ok()) failed = true;
    return status;
  });
  const absl::Status started = parts_.pause->Start(setup, pod, until_failure);
  if (!started.ok()) failed = true;
  const absl::Status network = attached.get();
  // The one that was cancelled does not say why.
  if (!network.ok() && !absl::IsCancelled(network)) return network;
  RETURN_IF_ERROR(started);
  return network;
}

absl::Status PodRunner::StartThenAttach(const Setup& setup, const PodPtr& pod, const CallContext& call) {
  RETURN_IF_ERROR(parts_.pause->Start(setup, pod, call));
  RETURN_IF_ERROR(parts_.network->PinNamespaceOfPause(*pod));
  return parts_.network->Attach(pod.get(), call);
}

// What cannot be undone becomes visible, so that the kubelet stops and removes it until nothing is left.
absl::Status PodRunner::Undo(const PodPtr& pod) {
  const absl::Status undone = parts_.teardown->RemovePod(pod, CallContext::WithTimeout(kUndoDeadline));
  if (undone.ok()) return undone;
  pod->MoveTo(Pod::State::kLeftover);
  parts_.events->PodCreated(pod);
  return undone;
}

// That two pods which are created at the same time may get the same level only costs their separation from each other.
absl::StatusOr<std::string> PodRunner::NewLevel(const Setup& setup) {
  if (setup.facts.host.selinux.process.empty()) return std::string();
  std::set<std::string> taken;
  for (const PodPtr& pod : parts_.table->All()) taken.insert(pod->record().selinux_level());
  return NewSelinuxLevel(setup.options.security.selinux_category_range, taken, [] {
    uint32_t number = 0;
    if (getentropy(&number, sizeof(number)) != 0) std::abort();
    return number;
  });
}

}  // namespace crisp
