// Results of CNI plugins: what ADD says it made (CNI spec 1.0.0, section 5, "Result Types").
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "network/json.h"

namespace crisp {

// `text` as a result of version `version` (that of the configuration), so that it can be the prevResult of the next
// plugin whatever version this one answered in. Errors say what is wrong with the text.
absl::StatusOr<Json> ParseCniResult(absl::string_view text, const std::string& version);

// The addresses, without prefix length, that are on interfaces inside the pod; in the result's order.
std::vector<std::string> PodIpsOf(const Json& result);

// What a plugin that failed said, as "message: details"; empty if it is not an error in the form of the spec.
std::string CniErrorText(absl::string_view text);

}  // namespace crisp
