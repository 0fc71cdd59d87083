// Images: the store of images of this node. Pulls them, lists them, removes them, and makes root file systems of them.
//
// Threading: all methods from any thread. Pull and Import block for as long as it takes; a pull that is wanted twice at
// once runs once, and goes on until everybody who wants it has gone. The others touch only the database and memory.
// Errors: InvalidArgument for a reference that is none; NotFound for an image that is not there (on Pull: that no
// registry has); PermissionDenied and Unauthenticated as the registry says; Unavailable "RegistryUnavailable: …" with
// every endpoint tried and what each answered; DataLoss for a layer that is not what it should be; Internal for the
// machine's own faults. What fails leaves nothing behind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/image_config.h"
#include "images/registry_options.h"
#include "os/user_namespace.h"
#include "store/layout.h"

namespace crisp {

class Database;

// One image: a config digest with all its names. Immutable.
struct Image {
  std::string id;                         // "sha256:<hex>" of the image's config
  std::vector<std::string> repo_tags;     // "docker.io/library/busybox:1.36", sorted
  std::vector<std::string> repo_digests;  // "docker.io/library/busybox@sha256:…", sorted
  uint64_t size = 0;                      // bytes of the layers as pulled, and of the config; never 0
  ImageConfig config;
  std::string config_json;  // as it came
  bool pinned = false;
};

struct ImagesOptions {
  RegistryOptions registry;
  std::string pinned_image;  // the pause image: never reported as removable, see Image::pinned
};

struct RootfsOptions {
  bool read_only = false;         // no writable layer
  std::optional<IdMap> id_map{};  // owners are shifted, for a user namespace: idmapped layers, Linux 5.19
};

struct FsUsage {
  std::string mountpoint;
  uint64_t used_bytes = 0;
  uint64_t inodes_used = 0;
};

class Images {
 public:
  // Sweeps what an earlier daemon left half done. Layers that its pulls had finished stay for the next attempt; who
  // never makes one loses them to the next pull, removal of an image or end of a container. `database` must outlive the
  // object.
  static absl::StatusOr<std::unique_ptr<Images>> Open(Layout layout, Database* database, ImagesOptions options);
  virtual ~Images() = default;

  // Pulls `reference` ("busybox", "host:5000/a/b:tag", "…@sha256:…") and returns the image's id.
  virtual absl::StatusOr<std::string> Pull(const std::string& reference, const RegistryAuth& auth,
                                           const Call& call) = 0;
  // Takes in every image of the OCI layouts in `directory` (one a sub-directory) under the name in its
  // "org.opencontainers.image.ref.name" annotation. An image that is there already under that name is left alone. After
  // an error, which names those that could not be taken in, all others are there.
  virtual absl::Status ImportLayouts(const std::string& directory, const Call& call) = 0;

  // By reference, id ("sha256:<hex>" or "<hex>") or prefix of an id. Null if there is none.
  virtual std::shared_ptr<const Image> Find(const std::string& name) = 0;
  // In order of their ids.
  virtual std::vector<std::shared_ptr<const Image>> List() = 0;
  // The image with all its names. OK if it is not there. Layers in use by a container stay until ReleaseRootfs.
  virtual absl::Status Remove(const std::string& name) = 0;
  // What the layers take, without the writable ones of containers.
  virtual absl::StatusOr<FsUsage> Usage() = 0;

  // Makes the root file system of `container_id` and mounts it on `target`, a directory. Its layers cannot be removed
  // until ReleaseRootfs, and that is on record before this returns. Whatever else is mounted from an image has an id of
  // its own too.
  virtual absl::Status MountRootfs(const std::string& image_id, const std::string& container_id,
                                   const std::string& target, const RootfsOptions& options) = 0;
  // Unmounts it and removes the writable layer. OK if there is none.
  virtual absl::Status ReleaseRootfs(const std::string& container_id, const std::string& target) = 0;
};

// "busybox" as "docker.io/library/busybox:latest": the form under which images are kept and listed.
absl::StatusOr<std::string> NormalizeReference(const std::string& reference);

}  // namespace crisp
