// What an OCI runtime can do, by its own word: the output of `<runtime> features` (runtime-spec features.md). Asked
// once for each configured handler when the daemon starts; nothing is claimed that was not found.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

class Call;

struct RuntimeFeatures {
  bool recursive_readonly = false;  // the mount option "rro"
  bool idmapped_mounts = false;     // uidMappings and gidMappings of mounts
  bool user_namespace = false;      // linux.namespaces "user"
  std::string runc_version{};       // "1.1.5+ds1"; empty for another program

  bool operator==(const RuntimeFeatures&) const = default;
};

// The JSON of `features`. Internal for what is none.
absl::StatusOr<RuntimeFeatures> ParseRuntimeFeatures(absl::string_view json);

// For a program without the command, by the first line of its `--version`. Crun has it from 1.8.6 on, but all of the
// features from 1.5 on, as tested with 1.8.1; runc has it from 1.1 on, and before that none of them. Nothing for any
// other text.
std::optional<RuntimeFeatures> FeaturesOfOldRuntime(absl::string_view version);

// Asks the program at `binary`. Internal, with its own words, if it answers neither question.
absl::StatusOr<RuntimeFeatures> AskRuntimeFeatures(const std::string& binary, const Call& call);

}  // namespace crisp
