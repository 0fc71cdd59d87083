// What an OCI runtime reports about itself: the output of `<runtime> features` (runtime-spec features.md). The daemon
// asks once per configured handler when it starts, and claims only what was reported.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

class CallContext;

struct RuntimeFeatures {
  bool recursive_readonly = false;  // the mount option "rro"
  bool idmapped_mounts = false;     // uidMappings and gidMappings of mounts
  bool user_namespace = false;      // linux.namespaces "user"
  std::string runc_version{};       // "1.1.5+ds1"; empty for another program

  bool operator==(const RuntimeFeatures&) const = default;
};

// Parses the JSON of `features`. Internal for any other text.
absl::StatusOr<RuntimeFeatures> ParseRuntimeFeatures(absl::string_view json);

// The features of a program without that command, by the first line of its `--version`. Crun has the command since
// 1.8.6, but all of the features since 1.5 (tested with 1.8.1); runc has the command since 1.1, and none of the
// features before. No features for any other text.
std::optional<RuntimeFeatures> FeaturesOfOldRuntime(absl::string_view version);

// Runs the program at `binary`. Internal, with its output, if it knows neither command.
absl::StatusOr<RuntimeFeatures> AskRuntimeFeatures(const std::string& binary, const CallContext& call);

}  // namespace crisp
