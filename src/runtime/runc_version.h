// Known ways out of a container, by the version of runc that makes it. Only runc's are known here: by it the world's
// containers are made, and its faults are theirs.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// The CVEs that runc of this version ("1.1.5+ds1") has, separated by ", ". Empty for a version that has none, and for
// a text that is no version: what is not known to be bad is not called so.
std::string HolesOfRunc(absl::string_view version);

}  // namespace crisp
