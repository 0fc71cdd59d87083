// Errors that name a field of a CRI request as its proto spells it: "field config.linux.resources.cpu_period: …".
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

// InvalidArgument: the value makes no sense, or contradicts another.
absl::Status InvalidField(absl::string_view field, absl::string_view why);

// Unimplemented: the value makes sense, and crisp does not do it yet.
absl::Status NotYetHonoured(absl::string_view field);

}  // namespace crisp
