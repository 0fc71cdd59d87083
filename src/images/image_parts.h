// DescribeImage: from what a name leads to, to all that is known of an image before its layers are fetched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "images/image_config.h"
#include "images/image_source.h"
#include "images/layer_source.h"

namespace crisp {

class StepLog;

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
