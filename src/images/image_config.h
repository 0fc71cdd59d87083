// The config blob of an image (OCI image specification 1.1, config.md; Docker's is the same): how to run the image, and
// the digests of its unpacked layers.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/image_config.h"

namespace crisp {

struct ParsedImageConfig {
  ImageConfig config;
  std::string variant;                // of `config.architecture`
  std::vector<std::string> diff_ids;  // lowest first; digests
};

// Internal, saying what is wrong, if `blob` is not a config. Labels and other fields are dropped, so that nothing in
// crisp can act on them (CVE-2026-53488).
absl::StatusOr<ParsedImageConfig> ParseImageConfig(absl::string_view blob);

}  // namespace crisp
