#include "runtime/profiles.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"

namespace crisp {
namespace {

using Kind = ProfileChoice::Kind;

constexpr const char* kContext = "config.linux.security_context";
constexpr absl::string_view kLocalhost = "localhost/";
constexpr size_t kMaxName = 4096;

absl::Status CheckPath(const std::string& path, absl::string_view field) {
  if (path.empty()) return InvalidField(field, "is required: the absolute path of a seccomp profile");
  if (path[0] != '/') return InvalidField(field, absl::StrCat("\"", path, "\" is not an absolute path"));
  if (path.size() > kMaxName) return InvalidField(field, absl::StrCat(path.size(), " bytes is too long for a path"));
  return absl::OkStatus();
}

absl::Status CheckApparmorName(const std::string& name, absl::string_view field) {
  if (name.empty()) return InvalidField(field, "is required: the name of an AppArmor profile");
  if (HasControlCharacter(name)) return InvalidField(field, "has a control character");
  if (name.size() > kMaxName) return InvalidField(field, absl::StrCat(name.size(), " bytes is too long for a name"));
  return absl::OkStatus();
}

absl::StatusOr<ProfileChoice> ParseName(const std::string& text, absl::string_view field) {
  if (text.empty()) return ProfileChoice{};
  if (text == "unconfined") return ProfileChoice{Kind::kUnconfined};
  if (text == "runtime/default" || text == "docker/default") return ProfileChoice{Kind::kDefault};
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, kLocalhost)) return ProfileChoice{Kind::kLocalhost, std::string(rest)};
  return InvalidField(field, absl::StrCat("\"", text, "\" is neither unconfined, runtime/default nor localhost/NAME"));
}

absl::StatusOr<ProfileChoice> FromMessage(const cri::SecurityProfile& profile, absl::string_view field) {
  if (!cri::SecurityProfile::ProfileType_IsValid(profile.profile_type())) {
    return InvalidField(absl::StrCat(field, ".profile_type"),
                        absl::StrCat("unknown type ", static_cast<int>(profile.profile_type())));
  }
  if (profile.profile_type() == cri::SecurityProfile::Localhost) {
    return ProfileChoice{Kind::kLocalhost, profile.localhost_ref()};
  }
  if (!profile.localhost_ref().empty()) {
    return InvalidField(absl::StrCat(field, ".localhost_ref"), "is given for a profile that is not Localhost");
  }
  return ProfileChoice{profile.profile_type() == cri::SecurityProfile::Unconfined ? Kind::kUnconfined : Kind::kDefault};
}

template <typename Context>
absl::StatusOr<ProfileChoice> SeccompOfAny(const Context& security) {
  const std::string field = absl::StrCat(kContext, ".seccomp");
  if (!security.has_seccomp()) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return ParseSeccompName(security.seccomp_profile_path(), absl::StrCat(kContext, ".seccomp_profile_path"));
#pragma GCC diagnostic pop
  }
  ASSIGN_OR_RETURN(ProfileChoice choice, FromMessage(security.seccomp(), field));
  if (choice.kind == Kind::kLocalhost) {
    RETURN_IF_ERROR(CheckPath(choice.localhost, absl::StrCat(field, ".localhost_ref")));
  }
  return choice;
}

absl::StatusOr<ProfileChoice> ApparmorChoice(ProfileChoice choice, const std::string& field) {
  if (choice.kind != Kind::kLocalhost) return choice;
  // Clients give the name with and without it.
  choice.localhost = std::string(absl::StripPrefix(choice.localhost, kLocalhost));
  RETURN_IF_ERROR(CheckApparmorName(choice.localhost, field));
  return choice;
}

absl::StatusOr<ProfileChoice> ApparmorMessage(const cri::SecurityProfile& profile) {
  const std::string field = absl::StrCat(kContext, ".apparmor");
  ASSIGN_OR_RETURN(ProfileChoice choice, FromMessage(profile, field));
  return ApparmorChoice(std::move(choice), absl::StrCat(field, ".localhost_ref"));
}

absl::StatusOr<ProfileChoice> OrUnset(absl::StatusOr<ProfileChoice> asked, const std::string& unset) {
  if (!asked.ok() || asked->kind != Kind::kUnset) return asked;
  return ParseSeccompName(unset, "unset_seccomp_profile of the configuration");
}

}  // namespace

absl::StatusOr<ProfileChoice> ParseSeccompName(const std::string& text, absl::string_view field) {
  ASSIGN_OR_RETURN(ProfileChoice choice, ParseName(text, field));
  if (choice.kind == Kind::kLocalhost) RETURN_IF_ERROR(CheckPath(choice.localhost, field));
  return choice;
}

absl::StatusOr<ProfileChoice> SeccompOf(const cri::LinuxContainerSecurityContext& security) {
  return SeccompOfAny(security);
}

absl::StatusOr<ProfileChoice> SeccompOf(const cri::LinuxSandboxSecurityContext& security) {
  return SeccompOfAny(security);
}

absl::StatusOr<ProfileChoice> ApparmorOf(const cri::LinuxContainerSecurityContext& security) {
  if (security.has_apparmor()) return ApparmorMessage(security.apparmor());
  const std::string field = absl::StrCat(kContext, ".apparmor_profile");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  ASSIGN_OR_RETURN(ProfileChoice choice, ParseName(security.apparmor_profile(), field));
#pragma GCC diagnostic pop
  return ApparmorChoice(std::move(choice), field);
}

absl::StatusOr<ProfileChoice> ApparmorOf(const cri::LinuxSandboxSecurityContext& security) {
  return security.has_apparmor() ? ApparmorMessage(security.apparmor()) : ProfileChoice{};
}

absl::StatusOr<ProfileChoice> EffectiveSeccomp(const cri::LinuxContainerSecurityContext& security,
                                               const std::string& unset) {
  if (security.privileged()) return ProfileChoice{Kind::kUnconfined};
  return OrUnset(SeccompOf(security), unset);
}

absl::StatusOr<ProfileChoice> EffectiveSeccomp(const cri::LinuxSandboxSecurityContext& security,
                                               const std::string& unset) {
  // A privileged pod's pause container needs no more than any other.
  return OrUnset(SeccompOf(security), unset);
}

}  // namespace crisp
