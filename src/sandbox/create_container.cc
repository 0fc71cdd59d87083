#include "sandbox/create_container.h"

#include <fcntl.h>

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "images/images.h"
#include "os/file.h"
#include "runtime/cgroups_path.h"
#include "runtime/check_container.h"
#include "runtime/spec.h"
#include "sandbox/container.h"
#include "sandbox/container_mounts.h"
#include "sandbox/contents.h"
#include "sandbox/deadlines.h"
#include "sandbox/event_publisher.h"
#include "sandbox/namespace_pins.h"
#include "sandbox/operation.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_runtime.h"
#include "sandbox/pod_user_namespace.h"
#include "sandbox/records.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/signals.h"
#include "sandbox/spec_lookup.h"
#include "sandbox/teardown.h"

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

// The kubelet creates containers by an image's id, and sends beside it what the pod's author wrote.
std::string ImageNameOf(const cri::ImageSpec& spec, const Image& image) {
  if (!spec.user_specified_image().empty()) return spec.user_specified_image();
  if (!image.repo_tags.empty()) return image.repo_tags.front();
  return image.repo_digests.empty() ? image.id : image.repo_digests.front();
}

// The container runs without a limit that its pod asks for.
void WarnOfDroppedLimits(const SpecContext& context, const cri::ContainerConfig& config, const Pod& pod,
                         const Container& container) {
  if (context.host.hugepage_limits) return;
  for (const cri::HugepageLimit& limit : config.linux().resources().hugepage_limits()) {
    if (limit.limit() == 0) continue;
    LogContainer(LogLevel::kWarning,
                 "ignoring a limit on huge pages: the hugetlb controller is missing, or disabled by "
                 "disable_hugetlb_controller",
                 pod, container, {{"page_size", limit.page_size()}});
  }
}

// The kubelet looks for these words at the beginning of the text.
absl::Status AnnotateBehindKeyword(const absl::Status& status, const std::string& what) {
  for (const absl::string_view word : {"RROUnsupported", "ImageVolumeMountFailed"}) {
    absl::string_view text = status.message();
    if (!absl::ConsumePrefix(&text, word)) continue;
    return absl::Status(status.code(), absl::StrCat(word, ": ", what, text));
  }
  return Annotate(status, what);
}

absl::StatusOr<ResolvedUser> FindUser(const Container& container, const std::string& rootfs, const Image& image) {
  ASSIGN_OR_RETURN(const Fd root, OpenAt(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY));
  return ResolveUser(root.get(), container.record().config().linux().security_context(), image.config);
}

}  // namespace

absl::StatusOr<std::string> ContainerCreator::Create(const cri::CreateContainerRequest& request,
                                                     const CallContext& call) {
  ASSIGN_OR_RETURN(const PodPtr pod, parts_.table->FindPod(request.pod_sandbox_id()));
  RETURN_IF_ERROR(CheckContainerConfig(request.config(), pod->record().config()));
  const cri::ContainerMetadata& name = request.config().metadata();
  return flights_.Do(
      absl::StrCat("container ", pod->id(), "/", name.name(), "/", name.attempt()), call,
      [this, pod, request, trace = call.trace()](const SingleFlight<std::string>::Abandoned& abandoned) {
        Operation operation("CreateContainer", LogFieldsOf(*pod, request.config().metadata()), kTransitionDeadline,
                            abandoned, trace);
        return operation.End(CreateOnce(pod, request, &operation));
      },
      ContentsOf(request.config()), &parts_.counters->joined.Of("CreateContainer"));
}

absl::StatusOr<std::string> ContainerCreator::CreateOnce(const PodPtr& pod, const cri::CreateContainerRequest& request,
                                                         Operation* operation) {
  const cri::ContainerConfig& config = request.config();
  const CallContext& call = operation->call();
  ASSIGN_OR_RETURN(std::string same, FindSame(pod, config, call));
  if (!same.empty()) return same;
  const std::shared_ptr<const Image> image = parts_.images->Find(config.image().image());
  if (image == nullptr) {
    return absl::NotFoundError(absl::StrCat("image ", config.image().image(), " is not on this node; pull it first"));
  }
  const ContainerPtr container = NewContainer(*pod, config, *image);
  operation->log().Add("container_id", container->id());
  ASSIGN_OR_RETURN(const Gate::Pass inside, container->gate.Enter(call));
  RETURN_IF_ERROR(pod->AddContainer(container));
  absl::Status made = Make(pod, container, *image, call);
  if (made.ok()) {
    parts_.events->ContainerCreated(pod, container);
    return container->id();
  }
  made = AnnotateBehindKeyword(made, absl::StrCat("create container ", config.metadata().name()));
  container->MoveTo(Container::State::kAborted);
  return Join(made, parts_.teardown->RemoveContainer(pod, container, CallContext::WithTimeout(kUndoDeadline)));
}

absl::StatusOr<std::string> ContainerCreator::FindSame(const PodPtr& pod, const cri::ContainerConfig& config,
                                                       const CallContext& call) {
  for (const ContainerPtr& other : pod->containers.All()) {
    const ContainerRecord record = other->record();
    if (!SameName(record.config().metadata(), config.metadata())) continue;
    if (!other->visible()) {
      ASSIGN_OR_RETURN(const Gate::Pass inside, other->gate.Enter(call));
      RETURN_IF_ERROR(parts_.teardown->RemoveContainer(pod, other, call), "remove what an earlier attempt has left");
      continue;
    }
    if (other->view().state == cri::CONTAINER_CREATED && ContentsOf(record.config()) == ContentsOf(config)) {
      return other->id();
    }
    return absl::AlreadyExistsError(
        absl::StrCat("container name ", config.metadata().name(), " is in use by container ", other->id()));
  }
  return std::string();
}

ContainerPtr ContainerCreator::NewContainer(const Pod& pod, const cri::ContainerConfig& config,
                                            const Image& image) const {
  ContainerRecord record;
  record.set_id(NewId());
  record.set_pod_id(pod.id());
  *record.mutable_config() = config;
  record.set_image_id(image.id);
  record.set_image_ref(image.repo_digests.empty() ? image.id : image.repo_digests.front());
  record.set_created_at(WallNanos());
  record.set_log_path(LogPath(pod.record().config(), config));
  record.set_stop_signal(StopSignal(config, image.config));
  record.set_cgroups_path(
      CgroupsPath(pod.runtime().systemd_cgroup, pod.record().config().linux().cgroup_parent(), record.id()));
  return std::make_shared<Container>(std::move(record));
}

absl::Status ContainerCreator::Make(const PodPtr& pod, const ContainerPtr& container, const Image& image,
                                    const CallContext& call) {
  RETURN_IF_ERROR(parts_.records->Save(*container));
  call.Done("record");
  const std::string rootfs = parts_.layout.Rootfs(pod->id(), container->id());
  RETURN_IF_ERROR(MakeDirs(rootfs, 0755));
  const std::optional<IdMap> id_map = IdMapOf(pod->record().config());
  RETURN_IF_ERROR(parts_.images->MountRootfs(image.id, container->id(), rootfs, {false, id_map}), "mount image ",
                  image.id);
  call.Done("mount the image");
  ASSIGN_OR_RETURN(const ResolvedUser user, FindUser(*container, rootfs, image));
  ASSIGN_OR_RETURN(const std::string spec, BuildSpec(*pod, *container, image, user, call));
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, parts_.layout.Spec(pod->id(), container->id()), spec, 0600));
  RETURN_IF_ERROR(MakeLogDirectory(container->record().log_path()));
  call.Done("prepare mounts and write the OCI spec");

  const ContainerRecord record = container->UpdateRecord([&user](ContainerRecord* change) {
    change->mutable_user()->set_uid(user.uid);
    change->mutable_user()->set_gid(user.gid);
    for (const uint32_t gid : user.additional_gids) change->mutable_user()->add_supplemental_groups(gid);
  });
  RETURN_IF_ERROR(parts_.records->Save(PhaseOf(Container::State::kCreated), record));
  container->MoveTo(Container::State::kCreated);
  call.Done("record that it is created");
  return absl::OkStatus();
}

absl::StatusOr<std::string> ContainerCreator::BuildSpec(const Pod& pod, const Container& container, const Image& image,
                                                        const ResolvedUser& user, const CallContext& call) const {
  const PodRecord pod_record = pod.record();
  const ContainerRecord record = container.record();
  const cri::LinuxContainerSecurityContext& security = record.config().linux().security_context();
  const std::shared_ptr<const Setup> setup = parts_.setup->Get();
  SpecContext context = SpecContextOf(parts_.layout, *setup, pod, container.id());
  context.container.image_name = ImageNameOf(record.config().image(), image);
  RETURN_IF_ERROR(LookUpConfinement(security, &context));
  RETURN_IF_ERROR(LookUpDevices(record.config(), user, setup->options.security,
                                setup->handlers.OptionsOf(HandlerNameOf(pod_record)), &context));
  ASSIGN_OR_RETURN(const cri::ContainerConfig config, parts_.mounts->Resolve(pod, container));
  RETURN_IF_ERROR(RelabelMounts(config, ContainerLabels(context, pod_record.config(), config).file, call));
  if (!setup->options.security.ignore_image_defined_volumes) {
    ASSIGN_OR_RETURN(context.container.volumes, parts_.mounts->MakeVolumes(pod, container, config, image.config, call));
  }
  PodNamespaces namespaces = NamespacesOf(parts_.layout, pod_record);
  if (security.namespace_options().pid() == cri::TARGET) {
    ASSIGN_OR_RETURN(namespaces.pid,
                     parts_.mounts->PinTargetPids(pod, container, security.namespace_options().target_id()));
  }
  WarnOfDroppedLimits(context, config, pod, container);
  return BuildContainerSpec(context, pod_record.config(), config, image.config, namespaces, user);
}

}  // namespace crisp
