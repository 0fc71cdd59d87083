// ContainerMounts: what is mounted for a container before its spec is built: the images, volumes and namespaces that
// its configuration names.
//
// Threading: all methods from any thread, for one container one at a time. After an error whatever was made stays, and
// Release and the removal of the container's directories take it away.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/image_config.h"
#include "runtime/container_context.h"
#include "store/layout.h"

namespace crisp {

class CallContext;
class Container;
class Images;
class Pod;

class ContainerMounts {
 public:
  // `images` must outlive the object.
  ContainerMounts(Layout layout, Images* images) : layout_(std::move(layout)), images_(images) {}

  // The configuration with every mount's host path resolved: links followed, missing directories made, images mounted.
  absl::StatusOr<cri::ContainerConfig> Resolve(const Pod& pod, const Container& container) const;

  // Makes the volumes that the image declares and `config` mounts nothing on, with the image's content.
  absl::StatusOr<std::vector<ImageVolume>> MakeVolumes(const Pod& pod, const Container& container,
                                                       const cri::ContainerConfig& config, const ImageConfig& image,
                                                       const CallContext& call) const;

  // Pins the PID namespace of a running container of the same pod (NamespaceMode TARGET) and returns its path.
  absl::StatusOr<std::string> PinTargetPids(const Pod& pod, const Container& container,
                                            const std::string& target_id) const;

  // Unmounts images and the pinned PID namespace. OK if there are none.
  absl::Status Release(const Pod& pod, const Container& container) const;

 private:
  absl::Status MountImage(const Pod& pod, const Container& container, int index, cri::Mount* mount) const;

  const Layout layout_;
  Images* const images_;
};

}  // namespace crisp
