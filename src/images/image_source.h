// ImageSource: the place from which an image is fetched, a registry or an OCI layout on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "images/layer_source.h"
#include "images/manifest.h"

namespace crisp {

// The bytes of a manifest or an index, verified against `digest`.
struct RawManifest {
  std::string body;
  std::string content_type;  // according to the source; may be empty
  std::string digest;
};

// Thread-safe. What FetchManifest and FetchBlob return has the size and digest of the descriptor.
class ImageSource : public LayerSource {
 public:
  virtual absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const CallContext& call) = 0;
  virtual absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const CallContext& call) = 0;
};

}  // namespace crisp
