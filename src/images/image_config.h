// The config blob of an image (OCI image specification 1.1, config.md; Docker's is the same): what it says about how it
// wants to be run, and the digests of its unpacked layers.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/image_config.h"

namespace crisp {

struct ParsedImageConfig {
  ImageConfig config;
  std::vector<std::string> diff_ids;  // lowest first; digests
};

// Internal, saying what is wrong, for anything that is not such a config. Labels and whatever else it holds are kept
// nowhere: nothing in crisp acts on them (CVE-2026-53488).
absl::StatusOr<ParsedImageConfig> ParseImageConfig(absl::string_view blob);

}  // namespace crisp
