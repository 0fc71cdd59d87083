#include "sandbox/container_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/images.h"
#include "images/volume_content.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/path.h"
#include "runtime/field_error.h"
#include "sandbox/container.h"
#include "sandbox/namespace_pins.h"
#include "sandbox/pod.h"
#include "sandbox/pod_user_namespace.h"
#include "sandbox/spec_lookup.h"

namespace crisp {
namespace {

constexpr char kTargetField[] = "config.linux.security_context.namespace_options.target_id";

std::string Normal(const std::string& path) {
  return LexicallyNormalPath(absl::StrCat("/", path));
}

// The host's path of `path` inside the image that is mounted at `root`. The image is read-only, so the path stays
// valid. Only files and directories are accepted: a mounted device node would give the container the device.
absl::StatusOr<std::string> PathInImage(const std::string& root, const std::string& path) {
  ASSIGN_OR_RETURN(const Fd directory, OpenAt(AT_FDCWD, root, O_PATH | O_DIRECTORY));
  const absl::StatusOr<Fd> place = OpenInRoot(directory.get(), path.empty() ? "." : path, O_PATH);
  if (!place.ok()) {
    const int error = ErrnoOf(place.status());
    if (error != ENOENT && error != ENOTDIR && error != ELOOP) return place.status();
    return absl::InvalidArgumentError(absl::StrCat("there is no \"", path, "\" in it"));
  }
  struct stat info {};
  if (fstat(place->get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" is neither a directory nor a file"));
  }
  std::error_code error;
  const std::string name = std::filesystem::read_symlink(absl::StrCat("/proc/self/fd/", place->get()), error).string();
  if (error) return ErrnoStatus(error.value(), absl::StrCat("find ", path));
  return name;
}

}  // namespace

absl::StatusOr<cri::ContainerConfig> ContainerMounts::Resolve(const Pod& pod, const Container& container) const {
  cri::ContainerConfig config = container.record().config();
  for (int i = 0; i < config.mounts_size(); ++i) {
    cri::Mount& mount = *config.mutable_mounts(i);
    if (mount.has_image()) {
      RETURN_IF_ERROR(MountImage(pod, container, i, &mount), "ImageVolumeMountFailed: mount image ",
                      mount.image().image(), " on ", mount.container_path());
      continue;
    }
    ASSIGN_OR_RETURN(std::string path, ResolveHostPath(mount.host_path()), "mount ", mount.container_path());
    mount.set_host_path(std::move(path));
    RETURN_IF_ERROR(CheckPropagation(mount, absl::StrCat("config.mounts[", i, "]")));
  }
  return config;
}

absl::Status ContainerMounts::MountImage(const Pod& pod, const Container& container, int index,
                                         cri::Mount* mount) const {
  const std::shared_ptr<const Image> image = images_->Find(mount->image().image());
  if (image == nullptr) return absl::NotFoundError("it is not on this node; pull it first");
  const std::string root = layout_.ImageMount(pod.id(), container.id(), index);
  RETURN_IF_ERROR(MakeDirs(root, 0755));
  RootfsOptions options;
  options.read_only = true;
  options.id_map = IdMapOf(pod.record().config());
  RETURN_IF_ERROR(images_->MountRootfs(image->id, Layout::ImageMountId(container.id(), index), root, options));
  ASSIGN_OR_RETURN(std::string path, PathInImage(root, mount->image_sub_path()));
  mount->set_host_path(std::move(path));
  mount->set_readonly(true);
  mount->clear_image();
  mount->clear_image_sub_path();
  // The layers are shared with other containers, and read-only.
  mount->clear_selinux_relabel();
  // The layers are mounted idmapped already.
  mount->clear_uidmappings();
  mount->clear_gidmappings();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ImageVolume>> ContainerMounts::MakeVolumes(const Pod& pod, const Container& container,
                                                                      const cri::ContainerConfig& config,
                                                                      const ImageConfig& image,
                                                                      const CallContext& call) const {
  std::vector<ImageVolume> volumes;
  if (image.volumes.empty()) return volumes;
  std::set<std::string> taken;
  for (const cri::Mount& mount : config.mounts()) taken.insert(Normal(mount.container_path()));
  const std::optional<IdMap> id_map = IdMapOf(pod.record().config());
  const VolumeOwner owner = id_map ? VolumeOwner{*MapId(id_map->uids, 0), *MapId(id_map->gids, 0)} : VolumeOwner{};
  const std::string directory = layout_.Volumes(container.id());
  RETURN_IF_ERROR(MakeDirs(directory, 0700));
  if (id_map) {
    RETURN_IF_ERROR(LetRootPass(layout_.Container(container.id()), *id_map));
    RETURN_IF_ERROR(LetRootPass(directory, *id_map));
  }
  for (const std::string& declared : image.volumes) {
    const std::string path = Normal(declared);
    if (path == "/") return absl::InvalidArgumentError("the image declares its whole root a volume");
    if (!taken.insert(path).second) continue;
    const std::string target = absl::StrCat(directory, "/", volumes.size());
    RETURN_IF_ERROR(CopyVolumeContent(layout_.Rootfs(pod.id(), container.id()), path, target, owner, call));
    volumes.push_back({target, path});
  }
  return volumes;
}

absl::StatusOr<std::string> ContainerMounts::PinTargetPids(const Pod& pod, const Container& container,
                                                           const std::string& target_id) const {
  for (const std::shared_ptr<Container>& target : pod.containers.All()) {
    if (!target->visible() || !absl::StartsWith(target->id(), target_id)) continue;
    const ContainerView view = target->view();
    if (view.state != cri::CONTAINER_RUNNING || view.pid <= 0) break;
    const std::string path = layout_.TargetPids(pod.id(), container.id());
    RETURN_IF_ERROR(PinNamespace(view.pid, "pid", path, target->record().cgroups_path(), pod.runtime().systemd_cgroup),
                    "container ", target_id);
    return path;
  }
  return InvalidField(kTargetField, absl::StrCat("no container ", target_id, " of this pod is running"));
}

absl::Status ContainerMounts::Release(const Pod& pod, const Container& container) const {
  const std::string& id = container.id();
  const ContainerRecord record = container.record();
  absl::Status status;
  for (int i = 0; i < record.config().mounts_size(); ++i) {
    if (!record.config().mounts(i).has_image()) continue;
    status = Join(status, images_->ReleaseRootfs(Layout::ImageMountId(id, i), layout_.ImageMount(pod.id(), id, i)));
  }
  return Join(status, Unmount(layout_.TargetPids(pod.id(), id)));
}

}  // namespace crisp
