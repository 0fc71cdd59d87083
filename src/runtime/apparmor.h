// AppArmor on this node (apparmor(7)): whether it confines processes, the profile that RuntimeDefault means, and which
// profiles are loaded. Each function asks the kernel anew. Errors: Internal, but for what they say.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"

namespace crisp {

inline constexpr char kDefaultApparmorProfile[] = "crisp-default";

// The profile's text, as apparmor_parser(8) reads it.
std::string DefaultApparmorText();

// True if the kernel has AppArmor switched on (/sys/module/apparmor/parameters/enabled).
bool HostHasApparmor();

// True if `name` is one of `profiles`, the kernel's list of them: lines "name (mode)".
bool ListsProfile(absl::string_view profiles, absl::string_view name);

// Whether a profile of this name is loaded.
absl::StatusOr<bool> IsApparmorProfileLoaded(const std::string& name);

// Loads kDefaultApparmorProfile by apparmor_parser, in place of an older one of that name. FailedPrecondition, naming
// the package, if there is no such program.
absl::Status LoadDefaultApparmorProfile(const Call& call);

}  // namespace crisp
