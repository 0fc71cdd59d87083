// Known vulnerabilities of OCI runtimes, by their version.
//
// Plain functions, callable from any thread. Both return an empty text for a version that has none, for a program that
// is not in the table, and for a text that is no version: what is not known to be bad is not called so. A distribution
// may have patched a version without changing its number.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// The CVEs of runc of this version ("1.1.5+ds1") by which a container can get at the host, separated by ", ".
std::string HolesOfRunc(absl::string_view version);

// All known CVEs of `program`, "runc" or "crun", in this version.
std::string AllHolesOf(absl::string_view program, absl::string_view version);

}  // namespace crisp
