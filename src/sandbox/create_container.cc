// CreateContainer: name → intent → root file system → user → spec → CREATED. The OCI runtime is not called before
// StartContainer, so that a fault of the image shows as a failed start, where the kubelet expects it.
#include <fcntl.h>

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "images/images.h"
#include "os/file.h"
#include "runtime/cgroups_path.h"
#include "runtime/check_container.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_files.h"
#include "sandbox/pod_manager.h"
#include "sandbox/pod_user_namespace.h"
#include "sandbox/signals.h"
#include "sandbox/spec_lookup.h"

namespace crisp {
namespace {

int StopSignal(const cri::ContainerConfig& config, const ImageConfig& image) {
  if (const auto asked = SignalNumber(config.stop_signal())) return *asked;
  return ParseSignal(image.stop_signal).value_or(SIGTERM);
}

std::string LogPath(const cri::PodSandboxConfig& pod, const cri::ContainerConfig& container) {
  if (pod.log_directory().empty() || container.log_path().empty()) return "";
  return absl::StrCat(pod.log_directory(), "/", container.log_path());
}

absl::Status MakeLogDirectory(const std::string& log_path) {
  return log_path.empty() ? absl::OkStatus() : MakeDirs(log_path.substr(0, log_path.rfind('/')), 0755);
}

bool SameName(const cri::ContainerMetadata& a, const cri::ContainerMetadata& b) {
  return a.name() == b.name() && a.attempt() == b.attempt();
}

PodNamespaces NamespacesOf(const PodRecord& pod, pid_t pause) {
  const cri::NamespaceOption& options = pod.config().linux().security_context().namespace_options();
  const auto of_pause = [pause](const char* name) { return absl::StrCat("/proc/", pause, "/ns/", name); };
  PodNamespaces namespaces;
  namespaces.network = pod.netns_path();
  if (options.ipc() != cri::NODE) namespaces.ipc = of_pause("ipc");
  if (!UsesHostNetwork(pod.config())) namespaces.uts = of_pause("uts");
  namespaces.pid = of_pause("pid");
  if (IdMapOf(pod.config())) namespaces.user = of_pause("user");
  return namespaces;
}

// Said aloud, since the container runs without what it was promised.
void WarnOfDroppedLimits(const SpecContext& context, const cri::ContainerConfig& config) {
  if (context.host.hugepage_limits) return;
  for (const cri::HugepageLimit& limit : config.linux().resources().hugepage_limits()) {
    if (limit.limit() == 0) continue;
    LogWarning(
        "a limit on huge pages has no effect: the hugetlb controller is not there, or disabled by "
        "disable_hugetlb_controller",
        {{"container", config.metadata().name()}, {"page_size", limit.page_size()}});
  }
}

// The kubelet looks for these words at the very beginning of the text.
absl::Status AnnotateBehindKeyword(const absl::Status& status, const std::string& what) {
  for (const absl::string_view word : {"RROUnsupported", "ImageVolumeMountFailed"}) {
    absl::string_view text = status.message();
    if (!absl::ConsumePrefix(&text, word)) continue;
    return absl::Status(status.code(), absl::StrCat(word, ": ", what, text));
  }
  return Annotate(status, what);
}

}  // namespace

absl::StatusOr<std::string> PodManager::CreateContainer(const cri::CreateContainerRequest& request, const Call& call) {
  ASSIGN_OR_RETURN(const PodPtr pod, FindPod(request.pod_sandbox_id()));
  RETURN_IF_ERROR(CheckContainerConfig(request.config(), pod->record().config()));
  const cri::ContainerMetadata& name = request.config().metadata();
  return makes_.Do(
      absl::StrCat("container ", pod->id(), "/", name.name(), "/", name.attempt()), call,
      [this, pod, request](const SingleFlight<std::string>::Abandoned&) { return CreateContainerOnce(pod, request); });
}

absl::StatusOr<std::string> PodManager::CreateContainerOnce(const PodPtr& pod,
                                                            const cri::CreateContainerRequest& request) {
  const cri::ContainerConfig& config = request.config();
  const Call call = Call::WithTimeout(kTransitionDeadline);
  for (const ContainerPtr& other : pod->containers()) {
    const ContainerRecord record = other->record();
    if (!SameName(record.config().metadata(), config.metadata())) continue;
    if (!other->created()) {
      ASSIGN_OR_RETURN(const Gate::Pass inside, other->gate.Enter(call));
      RETURN_IF_ERROR(RemoveContainerResources(pod, other, call), "clear away what an earlier attempt has left");
      continue;
    }
    // The answer to the first request was lost: this is its repetition.
    if (other->view().state == cri::CONTAINER_CREATED &&
        google::protobuf::util::MessageDifferencer::Equals(record.config(), config)) {
      return other->id();
    }
    return absl::AlreadyExistsError(
        absl::StrCat("container name ", config.metadata().name(), " is in use by container ", other->id()));
  }
  const std::shared_ptr<const Image> image = images_->Find(config.image().image());
  if (image == nullptr) {
    return absl::NotFoundError(absl::StrCat("image ", config.image().image(), " is not on this node; pull it first"));
  }

  ContainerRecord record;
  record.set_id(NewId());
  record.set_pod_id(pod->id());
  *record.mutable_config() = config;
  record.set_image_id(image->id);
  record.set_image_ref(image->repo_digests.empty() ? image->id : image->repo_digests.front());
  record.set_created_at(WallNanos());
  record.set_log_path(LogPath(pod->record().config(), config));
  record.set_stop_signal(StopSignal(config, image->config));
  record.set_cgroups_path(
      CgroupsPath(pod->runtime().systemd_cgroup, pod->record().config().linux().cgroup_parent(), record.id()));
  const auto container = std::make_shared<Container>(std::move(record));

  ASSIGN_OR_RETURN(const Gate::Pass inside, container->gate.Enter(call));
  RETURN_IF_ERROR(pod->AddContainer(container));
  absl::Status made = MakeContainer(pod, container, *image);
  if (made.ok()) {
    Tell(pod, container, cri::CONTAINER_CREATED_EVENT);
    return container->id();
  }
  made = AnnotateBehindKeyword(made, absl::StrCat("create container ", config.metadata().name()));
  return Join(made, RemoveContainerResources(pod, container, Call::WithTimeout(kUndoDeadline)));
}

absl::Status PodManager::MakeContainer(const PodPtr& pod, const ContainerPtr& container, const Image& image) {
  ContainerRecord record = container->record();
  RETURN_IF_ERROR(records_.Save(Phase::kCreating, record));
  const PodRecord pod_record = pod->record();
  const cri::LinuxContainerSecurityContext& security = record.config().linux().security_context();
  const std::string rootfs = layout_.Rootfs(pod->id(), container->id());
  RETURN_IF_ERROR(MakeDirs(rootfs, 0755));
  RETURN_IF_ERROR(images_->MountRootfs(image.id, container->id(), rootfs, {false, IdMapOf(pod_record.config())}),
                  "mount image ", image.id);
  ASSIGN_OR_RETURN(const Fd root, OpenAt(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const ResolvedUser user, ResolveUser(root.get(), security, image.config));

  SpecContext context = ContextFor(pod, container->id());
  RETURN_IF_ERROR(LookUpConfinement(security, &context));
  TellUnlabelledMounts(record.config(), context);
  RETURN_IF_ERROR(LookUpDevices(record.config(), user, options_.security, HandlerOf(pod), &context));
  ASSIGN_OR_RETURN(const cri::ContainerConfig config, ResolveMounts(pod, container));
  ASSIGN_OR_RETURN(context.container.volumes, MakeVolumes(pod, container, config, image.config));
  PodNamespaces namespaces = NamespacesOf(pod_record, pod->pause_pid());
  if (security.namespace_options().pid() == cri::TARGET) {
    ASSIGN_OR_RETURN(namespaces.pid, PinTargetPids(pod, container, security.namespace_options().target_id()));
  }
  WarnOfDroppedLimits(context, config);
  ASSIGN_OR_RETURN(const std::string spec,
                   BuildContainerSpec(context, pod_record.config(), config, image.config, namespaces, user));
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, layout_.Spec(pod->id(), container->id()), spec, 0600));
  RETURN_IF_ERROR(MakeLogDirectory(record.log_path()));

  record.mutable_user()->set_uid(user.uid);
  record.mutable_user()->set_gid(user.gid);
  for (const uint32_t gid : user.additional_gids) record.mutable_user()->add_supplemental_groups(gid);
  RETURN_IF_ERROR(records_.Save(Phase::kCreated, record));
  container->set_record(std::move(record));
  container->set_created();
  return absl::OkStatus();
}

}  // namespace crisp
