#include "sandbox/pause_container.h"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/images.h"
#include "os/file.h"
#include "os/mount.h"
#include "runtime/shims.h"
#include "runtime/spec.h"
#include "sandbox/client_status.h"
#include "sandbox/namespace_pins.h"
#include "sandbox/pod.h"
#include "sandbox/pod_files.h"
#include "sandbox/pod_user_namespace.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/setup.h"
#include "sandbox/spec_lookup.h"

namespace crisp {
namespace {

// The size of the containers' shared /dev/shm, as container engines have it.
constexpr char kShmSize[] = "64m";

}  // namespace

ShimPaths ShimPathsOf(const Layout& layout, const std::string& shim_program, const std::string& pod_id) {
  return {shim_program, layout.ShimSocket(pod_id), layout.ShimLog(pod_id)};
}

absl::Status PauseStarter::Start(const Setup& setup, const std::shared_ptr<Pod>& pod, const CallContext& call) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Image> image, FindOrPullImage(setup.options.sandbox_image, call));
  call.Done("find the pause image");
  RETURN_IF_ERROR(MakeDirectories(*pod));
  const std::optional<IdMap> id_map = IdMapOf(pod->record().config());
  RETURN_IF_ERROR(images_->MountRootfs(image->id, pod->id(), layout_.Rootfs(pod->id(), pod->id()), {false, id_map}),
                  "mount the pause image");
  RETURN_IF_ERROR(WriteSpec(setup, *pod, *image));
  call.Done("prepare the pause container");
  return StartProcess(setup.options.shim_program, pod, call);
}

absl::StatusOr<std::shared_ptr<const Image>> PauseStarter::FindOrPullImage(const std::string& name,
                                                                           const CallContext& call) const {
  std::shared_ptr<const Image> image = images_->Find(name);
  if (image != nullptr) return image;
  ASSIGN_OR_RETURN(const std::string id, images_->Pull(name, {}, call), "pull sandbox image ", name);
  image = images_->Find(id);
  if (image != nullptr) return image;
  return absl::InternalError(absl::StrCat("sandbox image ", id, " was removed while it was pulled"));
}

absl::Status PauseStarter::MakeDirectories(const Pod& pod) const {
  const std::string& id = pod.id();
  const PodRecord record = pod.record();
  RETURN_IF_ERROR(MakeDirs(layout_.Rootfs(id, id), 0755));
  RETURN_IF_ERROR(MakeDirs(layout_.Shm(id), 0755));
  RETURN_IF_ERROR(MountTmpfs(layout_.Shm(id), kShmSize, "1777"));
  RETURN_IF_ERROR(MakeDirs(layout_.Container(id), 0700));
  RETURN_IF_ERROR(WritePodFiles(layout_, id, record.config()));
  const std::optional<IdMap> id_map = IdMapOf(record.config());
  return id_map ? GivePodToItsRoot(layout_, id, *id_map) : absl::OkStatus();
}

absl::Status PauseStarter::WriteSpec(const Setup& setup, const Pod& pod, const Image& image) const {
  const PodRecord record = pod.record();
  SpecContext context = SpecContextOf(layout_, setup, pod, pod.id());
  context.container.image_name = setup.options.sandbox_image;
  RETURN_IF_ERROR(LookUpConfinement(record.config().linux().security_context(), &context));
  const std::string netns_path = IdMapOf(record.config()) ? "" : record.netns_path();
  ASSIGN_OR_RETURN(const std::string spec, BuildSandboxSpec(context, record.config(), image.config, netns_path));
  return WriteFileAt(AT_FDCWD, layout_.Spec(pod.id(), pod.id()), spec, 0600);
}

absl::Status PauseStarter::StartProcess(const std::string& shim_program, const std::shared_ptr<Pod>& pod,
                                        const CallContext& call) const {
  const std::string& id = pod->id();
  const ShimPaths paths = ShimPathsOf(layout_, shim_program, id);
  ASSIGN_OR_RETURN(std::shared_ptr<Shim> shim, shims_->Launch(id, paths, pod.get(), call), "start the shim");
  counters_->shim_starts.Add();
  pod->shim.Set(shim);
  call.Done("start the shim");
  StartRequest start;
  start.container_id = id;
  start.bundle = layout_.Bundle(id, id);
  start.exit_path = layout_.ExitRecord(id);
  start.cgroups_path = pod->record().cgroups_path();
  start.runtime = pod->runtime();
  const auto started = shim->Start(start, call);
  RETURN_IF_ERROR(ForClient(started.status()), "start the pause container");
  call.Done("start the pause container");
  const PodRecord record = pod->UpdateRecord([&](PodRecord* change) { change->set_pause_pid(started->pid); });
  return PinNamespaces(layout_, record, pod->runtime().systemd_cgroup);
}

}  // namespace crisp
