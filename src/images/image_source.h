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
#include "images/image_config.h"
#include "images/layer_source.h"
#include "images/manifest.h"

namespace crisp {

class StepLog;

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

// What is known of an image before its layers are fetched.
struct ImageParts {
  std::string id;                       // the config's digest
  std::string config_json;              // the config as it was fetched
  ParsedImageConfig config;             // the same, parsed
  std::vector<LayerDescriptor> layers;  // lowest first
  uint64_t size = 0;                    // of the layers' blobs and the config
};

// Follows `top` through indexes to the image that fits this machine best (manifest_search.h), and reads its config.
// Errors: NotFound if there is none, those of the source, Internal for what is malformed or contradicts itself. The
// steps in `log` are "platform manifest", if `top` is an index, and "config".
absl::StatusOr<ImageParts> DescribeImage(ImageSource& source, RawManifest top, const CallContext& call, StepLog& log);

}  // namespace crisp
