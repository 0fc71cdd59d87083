// Images: the images of this node. Pulls, lists and removes them, and makes root file systems of them.
//
// Threading: thread-safe. Pull and ImportLayouts block until they are done. Identical pulls at the same time share one
// transfer, which is cancelled once its last caller has left. Find and List read memory only.
// Errors: InvalidArgument for a malformed reference; NotFound for an image that does not exist (of Pull: in no
// registry); PermissionDenied and Unauthenticated according to the registry; Unavailable "RegistryUnavailable: …" with
// every endpoint that was tried and its answer; DataLoss for a layer that does not match its digests; Internal for
// faults of the machine. An operation that fails leaves nothing behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/image_config.h"
#include "base/reloadable.h"
#include "images/registry_options.h"
#include "os/user_namespace.h"
#include "store/layout.h"

namespace crisp {

class Database;
struct ImageCounters;

// One image: a config digest with all its names. Immutable.
struct Image {
  std::string id;                         // "sha256:<hex>" of the image's config
  std::vector<std::string> repo_tags;     // "docker.io/library/busybox:1.36", sorted
  std::vector<std::string> repo_digests;  // "docker.io/library/busybox@sha256:…", sorted
  uint64_t size = 0;                      // bytes of the layers as pulled, and of the config; never 0
  ImageConfig config;
  std::string config_json;  // the config as it was pulled
  bool pinned = false;      // the kubelet must not remove it
};

struct ImagesOptions {
  RegistryOptions registry;
  std::string pinned_image;   // the pause image, see Image::pinned
  bool pin_imported = false;  // so are the names of all layouts given to ImportLayouts
  // Layers of no image that an earlier daemon left, or that could not be removed, are kept so long for the next pull.
  std::chrono::nanoseconds keep_unused_layers = std::chrono::minutes(5);
};

struct RootfsOptions {
  bool read_only = false;         // no writable layer
  std::optional<IdMap> id_map{};  // for a user namespace: layers are mounted idmapped, which needs Linux 5.19
};

struct FsUsage {
  std::string mountpoint;
  uint64_t used_bytes = 0;
  uint64_t inodes_used = 0;
};

class Images {
 public:
  // Removes what an earlier daemon left unfinished. Layers that its pulls had completed are kept for
  // `keep_unused_layers`, or until an image or container is removed before. `database` must outlive the object.
  static absl::StatusOr<std::unique_ptr<Images>> Open(Layout layout, Database* database, ImagesOptions options);
  virtual ~Images() = default;

  // Other options, for pulls that begin after the commit, and another pinned image. `pin_imported` and
  // `keep_unused_layers` are those of Open. InvalidArgument for a malformed `pinned_image`.
  virtual absl::StatusOr<Commit> Prepare(ImagesOptions options) = 0;

  // Pulls `reference` ("busybox", "host:5000/a/b:tag", "…@sha256:…") and returns the image's id.
  virtual absl::StatusOr<std::string> Pull(const std::string& reference, const RegistryAuth& auth,
                                           const CallContext& call) = 0;
  // Imports every image of the OCI layouts in `directory`, one layout in each subdirectory, under the whole name in its
  // "io.containerd.image.name" or "org.opencontainers.image.ref.name" annotation. A name that exists already is
  // skipped. An error names the layouts that could not be imported, such as those with only a tag as name; all others
  // have been.
  virtual absl::Status ImportLayouts(const std::string& directory, const CallContext& call) = 0;

  // By reference, id ("sha256:<hex>" or "<hex>") or prefix of an id. Null if there is none.
  virtual std::shared_ptr<const Image> Find(const std::string& name) = 0;
  // Sorted by id.
  virtual std::vector<std::shared_ptr<const Image>> List() = 0;
  // Removes the image with all its names. OK if it does not exist. Layers in use by a container stay until
  // ReleaseRootfs.
  virtual absl::Status Remove(const std::string& name) = 0;
  // Disk usage of the layers, without the writable layers of containers.
  virtual absl::StatusOr<FsUsage> Usage() = 0;
  virtual const ImageCounters& counters() const = 0;

  // Makes the root file system of `container_id` and mounts it on the directory `target`. Its layers cannot be removed
  // until ReleaseRootfs; this is recorded before the method returns. `container_id` may be any unique id, for example
  // Layout::ImageMountId for a mount from an image.
  virtual absl::Status MountRootfs(const std::string& image_id, const std::string& container_id,
                                   const std::string& target, const RootfsOptions& options) = 0;
  // Unmounts the root file system and removes the writable layer. OK if there is none.
  virtual absl::Status ReleaseRootfs(const std::string& container_id, const std::string& target) = 0;
};

// The whole form of a reference, in which images are recorded and listed: "docker.io/library/busybox:latest" for
// "busybox".
absl::StatusOr<std::string> NormalizeReference(const std::string& reference);

}  // namespace crisp
