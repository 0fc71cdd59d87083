// The seccomp and AppArmor profiles that a request or the configuration selects: by CRI's SecurityProfile fields, by
// the deprecated string fields, or by the configuration key unset_seccomp_profile (the same strings).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

struct ProfileChoice {
  enum class Kind { kUnset, kUnconfined, kDefault, kLocalhost };
  Kind kind = Kind::kUnset;
  std::string localhost = {};  // seccomp: an absolute path on the host. AppArmor: a profile's name
};

// "", "unconfined", "runtime/default" (or "docker/default"), "localhost//absolute/path". InvalidArgument naming `field`
// for anything else.
absl::StatusOr<ProfileChoice> ParseSeccompName(const std::string& text, absl::string_view field);

// The requested profile. The new field wins where both are set. InvalidArgument naming the field.
absl::StatusOr<ProfileChoice> SeccompOf(const cri::LinuxContainerSecurityContext& security);
absl::StatusOr<ProfileChoice> SeccompOf(const cri::LinuxSandboxSecurityContext& security);
absl::StatusOr<ProfileChoice> ApparmorOf(const cri::LinuxContainerSecurityContext& security);
absl::StatusOr<ProfileChoice> ApparmorOf(const cri::LinuxSandboxSecurityContext& security);

// The effective profile: `unset` (a string as above) in place of kUnset. Privileged containers are unconfined.
absl::StatusOr<ProfileChoice> EffectiveSeccomp(const cri::LinuxContainerSecurityContext& security,
                                               const std::string& unset);
absl::StatusOr<ProfileChoice> EffectiveSeccomp(const cri::LinuxSandboxSecurityContext& security,
                                               const std::string& unset);

}  // namespace crisp
