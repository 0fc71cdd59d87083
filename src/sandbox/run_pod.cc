// RunPodSandbox: name → intent → network namespace → CNI ADD while the pause container starts → READY.
#include <unistd.h>

#include <atomic>
#include <future>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "images/images.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/netns_pin.h"
#include "runtime/cgroups_path.h"
#include "runtime/check_sandbox.h"
#include "runtime/spec_namespaces.h"
#include "sandbox/bandwidth.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_files.h"
#include "sandbox/pod_manager.h"
#include "sandbox/pod_user_namespace.h"
#include "sandbox/spec_lookup.h"

namespace crisp {
namespace {

// Containers share it; of the size that container engines give it.
constexpr char kShmSize[] = "64m";

std::string NameKey(const cri::PodSandboxMetadata& name) {
  return absl::StrCat("pod ", name.namespace_(), "/", name.name(), "/", name.uid(), "/", name.attempt());
}

std::vector<PortMap> HostPorts(const cri::PodSandboxConfig& config) {
  std::vector<PortMap> ports;
  for (const cri::PortMapping& mapping : config.port_mappings()) {
    if (mapping.host_port() == 0) continue;
    std::string protocol = mapping.protocol() == cri::UDP ? "udp" : mapping.protocol() == cri::SCTP ? "sctp" : "tcp";
    ports.push_back({std::move(protocol), mapping.container_port(), mapping.host_port(), mapping.host_ip()});
  }
  return ports;
}

bool SameRequest(const PodRecord& record, const cri::RunPodSandboxRequest& request) {
  return record.runtime_handler() == request.runtime_handler() &&
         google::protobuf::util::MessageDifferencer::Equals(record.config(), request.config());
}

}  // namespace

absl::StatusOr<std::string> PodManager::RunPod(const cri::RunPodSandboxRequest& request, const Call& call) {
  RETURN_IF_ERROR(CheckSandboxConfig(request.config()));
  RETURN_IF_ERROR(RuntimeFor(request.runtime_handler()));
  RETURN_IF_ERROR(CheckUserNamespaceSupport(features_.at(HandlerName(request.runtime_handler())), request.config()));
  return makes_.Do(NameKey(request.config().metadata()), call,
                   [this, request](const SingleFlight<std::string>::Abandoned&) { return RunPodOnce(request); });
}

absl::StatusOr<std::string> PodManager::RunPodOnce(const cri::RunPodSandboxRequest& request) {
  const Call call = Call::WithTimeout(kRunPodDeadline);
  if (const PodPtr namesake = FindPodByName(request.config().metadata())) {
    // The answer to the first request was lost: this is its repetition.
    if (namesake->ready() && SameRequest(namesake->record(), request)) return namesake->id();
    if (!namesake->half_made()) {
      return absl::AlreadyExistsError(
          absl::StrCat("pod name ", request.config().metadata().name(), " is in use by pod ", namesake->id()));
    }
    RETURN_IF_ERROR(RemovePod(namesake->id(), call), "clear away what an earlier attempt has left");
  }
  ASSIGN_OR_RETURN(OciRuntime runtime, RuntimeFor(request.runtime_handler()));
  PodRecord record;
  record.set_id(NewId());
  *record.mutable_config() = request.config();
  record.set_runtime_handler(request.runtime_handler());
  record.set_created_at(WallNanos());
  const PodPtr pod = NewPod(std::move(record), std::move(runtime));
  const std::string what = absl::StrCat("run pod ", request.config().metadata().name());
  RETURN_IF_ERROR(PlanPod(pod), what);

  const absl::Status made = Annotate(MakePod(pod, call), what);
  if (made.ok()) return pod->id();

  const absl::Status undone = Discard(pod, Call::WithTimeout(kUndoDeadline));
  if (undone.ok()) return made;
  // What could not be undone stays in sight, so that the kubelet stops and removes it until nothing is left; so does
  // the next attempt, and the next daemon.
  pod->set_half_made();
  pod->set_created_not_ready();
  Tell(pod, nullptr, cri::CONTAINER_CREATED_EVENT);
  return Join(made, Annotate(undone, "undo it"));
}

// All that is decided beforehand, and its record: the intent. After an error there is nothing to undo.
absl::Status PodManager::PlanPod(const PodPtr& pod) {
  PodRecord record = pod->record();
  if (!UsesHostNetwork(record.config())) {
    const std::vector<PortMap> ports = HostPorts(record.config());
    record.set_netns_path(layout_.Netns(pod->id()));
    const cri::PodSandboxMetadata& name = record.config().metadata();
    ASSIGN_OR_RETURN(const Bandwidth bandwidth, BandwidthOf(record.config()));
    ASSIGN_OR_RETURN(const CniAttachment plan, network_->Plan({pod->id(), name.name(), name.namespace_(), name.uid(),
                                                               record.netns_path(), ports, bandwidth}));
    record.set_cni_plan(plan.plan);
  }
  record.set_cgroups_path(
      CgroupsPath(pod->runtime().systemd_cgroup, record.config().linux().cgroup_parent(), pod->id()));
  record.set_made_pod_cgroup(!PodCgroupExists(record, pod->runtime().systemd_cgroup));
  ASSIGN_OR_RETURN(*record.mutable_selinux_level(), NewLevel());
  RETURN_IF_ERROR(records_.Save(Phase::kCreating, record));
  pod->set_record(std::move(record));
  return absl::OkStatus();
}

absl::Status PodManager::MakePod(const PodPtr& pod, const Call& call) {
  Publish(pod);
  const PodRecord record = pod->record();
  const bool own_network = !UsesHostNetwork(record.config());
  RETURN_IF_ERROR(MakeDirs(layout_.Pod(pod->id()), 0700));
  if (HasUserNamespace(record.config())) {
    RETURN_IF_ERROR(StartThenAttach(pod, call));
  } else {
    if (own_network) RETURN_IF_ERROR(CreateNetns(record.netns_path()), "create network namespace");
    RETURN_IF_ERROR(StartWhileAttaching(pod, own_network, call));
  }

  RETURN_IF_ERROR(records_.Save(Phase::kCreated, pod->record()));
  if (!pod->set_ready()) return absl::InternalError("its pause container or its shim has ended meanwhile");
  Tell(pod, nullptr, cri::CONTAINER_CREATED_EVENT);
  Tell(pod, nullptr, cri::CONTAINER_STARTED_EVENT);
  return absl::OkStatus();
}

// The plugins and the pause container need nothing of each other but the namespace. The first that fails ends the
// other. Where no thread can be had they come one after the other.
absl::Status PodManager::StartWhileAttaching(const PodPtr& pod, bool own_network, const Call& call) {
  std::atomic<bool> failed{false};
  const Call while_well(call.deadline(), [&failed] { return failed.load(); });
  auto attached = std::async(std::launch::async | std::launch::deferred, [&] {
    absl::Status status = own_network ? AttachNetwork(pod, while_well) : absl::OkStatus();
    if (!status.ok()) failed = true;
    return status;
  });
  absl::Status paused = StartPause(pod, while_well);
  if (!paused.ok()) failed = true;
  const absl::Status network = attached.get();
  // The one that was cancelled has nothing to say.
  if (!network.ok() && !absl::IsCancelled(network)) return network;
  RETURN_IF_ERROR(paused);
  return network;
}

// The network namespace of a pod with a user namespace belongs to that one, and is made by the OCI runtime with it.
absl::Status PodManager::StartThenAttach(const PodPtr& pod, const Call& call) {
  RETURN_IF_ERROR(StartPause(pod, call));
  RETURN_IF_ERROR(PinNetnsOf(pod->pause_pid(), pod->record().netns_path()));
  return AttachNetwork(pod, call);
}

// For a pod of its own. That two pods in the making get the same does no harm but to their separation from each other,
// so the pods in sight are looked at under no lock.
absl::StatusOr<std::string> PodManager::NewLevel() {
  if (machine_.host.selinux.process.empty()) return std::string();
  std::set<std::string> taken;
  for (const PodPtr& pod : Pods()) taken.insert(pod->record().selinux_level());
  return NewSelinuxLevel(options_.security.selinux_category_range, taken, [] {
    uint32_t number = 0;
    getentropy(&number, sizeof(number));
    return number;
  });
}

absl::Status PodManager::AttachNetwork(const PodPtr& pod, const Call& call) {
  PodRecord record = pod->record();
  CniAttachment attachment{record.cni_plan(), ""};
  const auto addresses = network_->Attach(&attachment, call);
  record.set_cni_result(attachment.result);
  if (addresses.ok()) {
    record.set_ip(addresses->ip);
    for (const std::string& ip : addresses->additional_ips) record.add_additional_ips(ip);
  }
  pod->set_record(std::move(record));
  return Annotate(addresses.status(), "set up network");
}

absl::Status PodManager::StartPause(const PodPtr& pod, const Call& call) {
  const PodRecord record = pod->record();
  const std::string& id = pod->id();
  ASSIGN_OR_RETURN(const std::shared_ptr<const Image> image, EnsureSandboxImage(call));
  const std::string rootfs = layout_.Rootfs(id, id);
  RETURN_IF_ERROR(MakeDirs(rootfs, 0755));
  RETURN_IF_ERROR(MakeDirs(layout_.Shm(id), 0755));
  RETURN_IF_ERROR(MountTmpfs(layout_.Shm(id), kShmSize, "1777"));
  RETURN_IF_ERROR(WritePodFiles(layout_, id, record.config()));
  const std::optional<IdMap> id_map = IdMapOf(record.config());
  if (id_map) RETURN_IF_ERROR(GivePodToItsRoot(layout_, id, *id_map));
  RETURN_IF_ERROR(images_->MountRootfs(image->id, id, rootfs, {false, id_map}), "mount the pause image");
  SpecContext context = ContextFor(pod, id);
  RETURN_IF_ERROR(LookUpConfinement(record.config().linux().security_context(), &context));
  ASSIGN_OR_RETURN(const std::string spec,
                   BuildSandboxSpec(context, record.config(), image->config, id_map ? "" : record.netns_path()));
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, layout_.Spec(id, id), spec, 0600));

  ASSIGN_OR_RETURN(const std::shared_ptr<Shim> shim, LaunchShim(pod, call), "start the shim");
  StartRequest start;
  start.container_id = id;
  start.bundle = layout_.Bundle(id, id);
  start.exit_path = layout_.ExitRecord(id);
  start.cgroups_path = record.cgroups_path();
  start.runtime = pod->runtime();
  const auto started = shim->Start(start, call);
  RETURN_IF_ERROR(ForClient(started.status()), "start the pause container");
  pod->set_pause_pid(started->pid);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Image>> PodManager::EnsureSandboxImage(const Call& call) {
  std::shared_ptr<const Image> image = images_->Find(options_.sandbox_image);
  if (image != nullptr) return image;
  ASSIGN_OR_RETURN(const std::string id, images_->Pull(options_.sandbox_image, {}, call), "pull sandbox image ",
                   options_.sandbox_image);
  image = images_->Find(id);
  if (image == nullptr)
    return absl::InternalError(absl::StrCat("sandbox image ", id, " was removed while it was pulled"));
  return image;
}

absl::StatusOr<std::shared_ptr<Shim>> PodManager::LaunchShim(const PodPtr& pod, const Call& call) {
  ASSIGN_OR_RETURN(std::shared_ptr<Shim> shim,
                   ShimClient::Launch(*reactor_, pod->id(), ShimPathsOf(pod->id()), pod.get(), call));
  pod->set_shim(shim);
  return shim;
}

}  // namespace crisp
