// WriteImageArchive: images as one tar, which is an OCI layout (image specification 1.1, image-layout.md) and a
// `docker save` archive at once: `docker load`, `ctr images import`, `podman load` and ReadImageArchive read it.
//
// crisp does not keep the blobs that it has pulled, so the layers are made again from their directories (layer_tar.h).
// They have other digests than at the registry: the config gets their diff ids, and the image another id. Whoever saves
// the same image twice gets the same bytes.
//
// Each layer is read twice: a tar says how long a file is before it begins. Nothing is written to the disk.
// Threading: any thread; it blocks, and checks `call` regularly. Errors: those of the sink; else Internal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "images/images.h"

namespace crisp {

struct ImageToSave {
  std::shared_ptr<const Image> image;
  std::vector<std::string> tags;    // whole names that it is saved under
  std::vector<std::string> layers;  // the directories of its layers, lowest first
};

absl::Status WriteImageArchive(const std::vector<ImageToSave>& images,
                               const std::function<absl::Status(absl::string_view)>& sink, const CallContext& call);

}  // namespace crisp
