// AppArmor on this node (apparmor(7)): whether it is enabled, the profile of RuntimeDefault, and the loaded profiles.
// Each function asks the kernel anew. Errors: Internal unless the function says otherwise.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"

namespace crisp {

inline constexpr char kDefaultApparmorProfile[] = "crisp-default";

// The profile's text, as apparmor_parser(8) reads it.
std::string DefaultApparmorText();

// True if AppArmor is enabled (/sys/module/apparmor/parameters/enabled).
bool HostHasApparmor();

// True if `name` is one of `profiles`, the kernel's list of them: lines "name (mode)".
bool ListsProfile(absl::string_view profiles, absl::string_view name);

// Whether a profile of this name is loaded.
absl::StatusOr<bool> IsApparmorProfileLoaded(const std::string& name);

// Loads kDefaultApparmorProfile by apparmor_parser, in place of an older one of that name. FailedPrecondition, naming
// the package, if there is no such program.
absl::Status LoadDefaultApparmorProfile(const CallContext& call);

}  // namespace crisp
