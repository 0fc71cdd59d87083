// YAML 1.1 files as JSON, within the same bounds as JSON (base/json.h): by libyaml, whose parser neither recurses nor
// loads anything. Without anchors and aliases, by which a small file can stand for a huge one.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// The one document in `text`, whose top is a mapping. Plain scalars are null, true, false or whole numbers where they
// look so (YAML's core schema), else strings. Internal, saying what is wrong and in which line, for anything else.
absl::StatusOr<nlohmann::json> ParseYamlObject(absl::string_view text);

}  // namespace crisp
