// Results of CNI plugins: what ADD says it has created (CNI spec 1.0.0, section 5, "Result Types").
//
// Plain functions, callable from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json.h"

namespace crisp {

// `text`, converted to `version`, the version of the configuration. A plugin may answer in another one, and the next
// plugin gets this result as its prevResult. Errors are Internal and say what is wrong with the text.
absl::StatusOr<Json> ParseCniResult(absl::string_view text, const std::string& version);

// The addresses on interfaces inside the pod, without prefix length, in the order of `result`, which ParseCniResult has
// returned.
std::vector<std::string> PodIpsOf(const Json& result);

// The error of a plugin that failed, as "message: details". Empty if `text` is not an error in the form of the spec.
std::string CniErrorText(absl::string_view text);

}  // namespace crisp
