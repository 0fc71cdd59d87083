// YAML 1.1 files as JSON, with the limits of JSON (base/json.h). libyaml's parser neither recurses nor constructs
// objects. Anchors and aliases are refused: with them a small file can expand to a huge document.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// The one document in `text`, whose top is a mapping. Plain scalars are null, true, false or whole numbers where they
// look so (YAML's core schema), else strings. Internal, saying what is wrong and in which line, for anything else.
absl::StatusOr<nlohmann::json> ParseYamlObject(absl::string_view text);

}  // namespace crisp
