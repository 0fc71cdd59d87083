#include "images/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "images/file_metadata.h"
#include "images/layer_record.h"
#include "images/tar_applier.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"
#include "store/database.h"
#include "store/residue.h"

namespace crisp {
namespace {

// Empty directories, in place of layers that overlayfs needs and the image does not have.
std::string EmptyDir(const Layout& layout, const std::string& id) {
  return absl::StrCat(layout.Container(id), "/empty");
}

absl::Status Record(const Layout& layout, Database* database, const std::vector<LayerRow>& layers,
                    const std::string& id) {
  return database->Keep([&](Database::Transaction& transaction) -> absl::Status {
    // The root file system of an image without layers has no rows.
    bool taken = layers.empty() && (Exists(layout.Upper(id)) || Exists(EmptyDir(layout, id)));
    RETURN_IF_ERROR(transaction.Query(
        "SELECT 1 FROM rootfs_layers WHERE container_id = ? LIMIT 1", [&](const Row&) { taken = true; }, id));
    if (taken) return absl::InternalError("it already has a root file system");
    for (size_t i = 0; i < layers.size(); ++i) {
      RETURN_IF_ERROR(transaction.Run("INSERT INTO rootfs_layers (container_id, position, chain_id) VALUES (?, ?, ?)",
                                      id, static_cast<int64_t>(i), layers[i].chain_id));
    }
    return absl::OkStatus();
  });
}

absl::Status Forget(Database* database, const std::string& id) {
  return database->RunFree("DELETE FROM rootfs_layers WHERE container_id = ?", id);
}

struct Root {
  FileMetadata metadata;
  std::vector<std::string> lower;  // paths, top first
};

// The root directory has the metadata of the topmost layer whose tar has an entry for it. overlayfs always merges the
// roots of all layers, so the list ends at a layer with an opaque root. overlayfs refuses a directory that it is given
// twice. Such a layer does not depend on those below it, so nothing of it can be seen in the lower place.
absl::StatusOr<Root> LookAtRoots(const Layout& layout, const std::vector<LayerRow>& layers) {
  Root root;
  root.metadata.mode = 0755;
  bool carried = false;
  std::set<std::string> given;
  for (size_t i = layers.size(); i-- > 0;) {
    const std::string path = layout.Layer(layers[i].name);
    if (!given.insert(path).second) continue;
    root.lower.push_back(path);
    ASSIGN_OR_RETURN(const Fd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(const bool carries, HasMark(fd.get(), kRootCarriedXattr, path));
    if (!carried && carries) {
      struct stat info {};
      if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
      ASSIGN_OR_RETURN(root.metadata, ReadMetadata(fd.get(), ".", info));
      carried = true;
    }
    ASSIGN_OR_RETURN(const bool hides, HasMark(fd.get(), kOpaqueXattr, path));
    if (hides) break;
  }
  return root;
}

// The writable layer is not idmapped: its files have the uids of the host.
absl::StatusOr<FileMetadata> Shifted(FileMetadata metadata, const std::optional<IdMap>& id_map) {
  if (!id_map) return metadata;
  const std::optional<uint32_t> uid = MapId(id_map->uids, metadata.uid);
  const std::optional<uint32_t> gid = MapId(id_map->gids, metadata.gid);
  if (!uid || !gid) return absl::InternalError("the root directory's owner is not mapped into the user namespace");
  metadata.uid = *uid;
  metadata.gid = *gid;
  return metadata;
}

absl::Status MakeWritableLayer(const Layout& layout, const std::string& id, const FileMetadata& root) {
  RETURN_IF_ERROR(MakeDirs(layout.Work(id), 0700));
  RETURN_IF_ERROR(MakeDirs(layout.Upper(id), 0700));
  ASSIGN_OR_RETURN(const Fd upper, OpenAt(AT_FDCWD, layout.Upper(id), O_RDONLY | O_DIRECTORY));
  return ApplyMetadata(upper.get(), root, layout.Upper(id));
}

absl::Status MakeDirectories(const Layout& layout, const std::vector<LayerRow>& layers, const std::string& id) {
  RETURN_IF_ERROR(MakeDirs(layout.Container(id), 0700));
  std::vector<std::string> names;
  for (const LayerRow& layer : layers) names.push_back(layer.name);
  return WriteRootfsRecord(layout.Container(id), names);
}

// The directory where layers are mounted idmapped until the overlay is mounted.
std::string ShiftedDir(const Layout& layout, const std::string& id) {
  return absl::StrCat(layout.Container(id), "/shifted");
}

absl::Status MountShifted(const std::vector<std::string>& lower, const IdMap& id_map, const std::string& directory,
                          std::vector<std::string>* shifted) {
  ASSIGN_OR_RETURN(const Fd user_namespace, MakeUserNamespace(id_map));
  for (const std::string& path : lower) {
    const std::string target = absl::StrCat(directory, "/", shifted->size());
    RETURN_IF_ERROR(MakeDirs(target, 0700));
    RETURN_IF_ERROR(BindIdmapped(path, target, user_namespace.get()));
    shifted->push_back(target);
  }
  return absl::OkStatus();
}

absl::Status RemoveShifted(const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = ListDir(directory);
  if (!names.ok()) return ErrnoOf(names.status()) == ENOENT ? absl::OkStatus() : names.status();
  absl::Status status;
  for (const std::string& name : *names) status = Join(status, Unmount(absl::StrCat(directory, "/", name)));
  return status.ok() ? RemoveTree(directory) : status;
}

absl::Status RemoveDirectories(const Layout& layout, const std::string& id) {
  // Do not delete anything below a mount.
  RETURN_IF_ERROR(RemoveShifted(ShiftedDir(layout, id)));
  absl::Status status = RemoveOrSetAside(layout, EmptyDir(layout, id));
  status = Join(status, RemoveOrSetAside(layout, layout.Upper(id)));
  status = Join(status, RemoveOrSetAside(layout, layout.Work(id)));
  RETURN_IF_ERROR(status);
  // The directory has files of other owners too (Layout): the last owner removes it. Neither of these gives anything
  // back, so on a read-only file system they may fail.
  status = RemoveRootfsRecord(layout.Container(id));
  if (rmdir(layout.Container(id).c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY) {
    status = Join(status, ErrnoStatus(errno, absl::StrCat("remove ", layout.Container(id))));
  }
  if (!status.ok()) LogWarning("cannot remove the directory of a root file system", {{"error", status.message()}});
  return absl::OkStatus();
}

absl::Status MakeAndMount(const Layout& layout, const std::vector<LayerRow>& layers, const std::string& id,
                          const std::string& target, const RootfsOptions& options) {
  ASSIGN_OR_RETURN(Root root, LookAtRoots(layout, layers));
  RETURN_IF_ERROR(MakeDirectories(layout, layers, id));
  OverlayMount overlay{std::move(root.lower), "", "", target};
  // The kernel refuses an overlay without a lower directory, and a read-only one with only one.
  while (overlay.lower.size() < (options.read_only ? 2u : 1u)) {
    overlay.lower.push_back(absl::StrCat(EmptyDir(layout, id), "/", overlay.lower.size()));
    RETURN_IF_ERROR(MakeDirs(overlay.lower.back(), 0755));
  }
  if (!options.read_only) {
    ASSIGN_OR_RETURN(const FileMetadata shifted, Shifted(std::move(root.metadata), options.id_map));
    RETURN_IF_ERROR(MakeWritableLayer(layout, id, shifted));
    overlay.upper = layout.Upper(id);
    overlay.work = layout.Work(id);
  }
  if (!options.id_map) return MountOverlay(overlay);
  std::vector<std::string> shifted;
  absl::Status status = MountShifted(overlay.lower, *options.id_map, ShiftedDir(layout, id), &shifted);
  if (status.ok()) {
    overlay.lower = std::move(shifted);
    status = MountOverlay(overlay);
  }
  const absl::Status removed = RemoveShifted(ShiftedDir(layout, id));
  return Join(status, removed);
}

}  // namespace

absl::Status MakeRootfs(const Layout& layout, Database* database, const std::vector<LayerRow>& layers,
                        const std::string& container_id, const std::string& target, const RootfsOptions& options) {
  RETURN_IF_ERROR(Record(layout, database, layers, container_id), "record root file system of ", container_id);
  absl::Status status = MakeAndMount(layout, layers, container_id, target, options);
  if (status.ok()) return status;
  const absl::Status removed = RemoveDirectories(layout, container_id);
  status = Join(status, removed);
  return removed.ok() ? Join(status, Forget(database, container_id)) : status;
}

// The record is removed last. After a crash the next call finds it, and the layers are held until then.
absl::Status RemoveRootfs(const Layout& layout, Database* database, const std::string& container_id,
                          const std::string& target) {
  RETURN_IF_ERROR(Unmount(target));
  RETURN_IF_ERROR(RemoveDirectories(layout, container_id));
  return Forget(database, container_id);
}

}  // namespace crisp
