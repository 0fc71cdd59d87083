// FindManifest: the manifest, among all that an index leads to, that fits this machine best.
//
// Entries that name a platform come first, best first (PlatformRank). Those that name none are looked into: their
// config has the platform. An entry that cannot be used does not void the others. The number of manifests that are
// fetched is bounded.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "images/image_config.h"
#include "images/image_source.h"
#include "images/manifest.h"
#include "images/platform.h"

namespace crisp {

class StepLog;

struct FoundManifest {
  Manifest manifest;
  std::string config_json;      // empty unless the search had to read it
  bool platform_known = false;  // by an index or the config; then
  int rank = 0;                 // see PlatformRank
};

// `top` itself if it is a manifest. NotFound, naming the platforms that there are, if none fits. Other errors are those
// of `source`, and Internal for what is malformed.
absl::StatusOr<FoundManifest> FindManifest(ImageSource& source, RawManifest top, const CallContext& call, StepLog& log);

// Empty where the config says nothing.
Platform PlatformOf(const ParsedImageConfig& config);

}  // namespace crisp
