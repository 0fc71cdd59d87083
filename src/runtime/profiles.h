// Which seccomp and which AppArmor profile is asked for, by CRI's fields for it, the new ones and the deprecated ones
// (a string), or by the configuration key unset_seccomp_profile (the same strings).
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

// What is asked for. The new field wins where both are set. InvalidArgument naming the field.
absl::StatusOr<ProfileChoice> SeccompOf(const cri::LinuxContainerSecurityContext& security);
absl::StatusOr<ProfileChoice> SeccompOf(const cri::LinuxSandboxSecurityContext& security);
absl::StatusOr<ProfileChoice> ApparmorOf(const cri::LinuxContainerSecurityContext& security);
absl::StatusOr<ProfileChoice> ApparmorOf(const cri::LinuxSandboxSecurityContext& security);

// What applies: kUnset replaced by `unset`, a string as above; privileged containers are not confined.
absl::StatusOr<ProfileChoice> EffectiveSeccomp(const cri::LinuxContainerSecurityContext& security,
                                               const std::string& unset);
absl::StatusOr<ProfileChoice> EffectiveSeccomp(const cri::LinuxSandboxSecurityContext& security,
                                               const std::string& unset);

}  // namespace crisp
