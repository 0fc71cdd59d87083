#include "runtime/check_security.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"

namespace crisp {
namespace {

constexpr int64_t kMaxId = int64_t{UINT32_MAX} - 1;
constexpr size_t kMaxName = 1024;  // four times what Kubernetes allows; other clients are freer

}  // namespace

absl::Status CheckProfileType(const cri::SecurityProfile& profile, absl::string_view field) {
  if (!cri::SecurityProfile::ProfileType_IsValid(profile.profile_type())) {
    return InvalidField(absl::StrCat(field, ".profile_type"),
                        absl::StrCat("unknown type ", static_cast<int>(profile.profile_type())));
  }
  if (profile.profile_type() != cri::SecurityProfile::Localhost && !profile.localhost_ref().empty()) {
    return InvalidField(absl::StrCat(field, ".localhost_ref"), "is given for a profile that is not Localhost");
  }
  return absl::OkStatus();
}

absl::Status CheckUnconfined(const cri::SecurityProfile& profile, absl::string_view field) {
  RETURN_IF_ERROR(CheckProfileType(profile, field));
  if (profile.profile_type() == cri::SecurityProfile::Unconfined) return absl::OkStatus();
  return NotYetHonoured(absl::StrCat(field, " (", cri::SecurityProfile::ProfileType_Name(profile.profile_type()), ")"));
}

absl::Status CheckUnconfined(const std::string& profile, absl::string_view field) {
  return profile.empty() || profile == "unconfined" ? absl::OkStatus() : NotYetHonoured(field);
}

absl::Status CheckSelinux(const cri::SELinuxOption& options, absl::string_view field) {
  if (!options.user().empty()) return NotYetHonoured(absl::StrCat(field, ".user"));
  if (!options.role().empty()) return NotYetHonoured(absl::StrCat(field, ".role"));
  if (!options.type().empty()) return NotYetHonoured(absl::StrCat(field, ".type"));
  if (!options.level().empty()) return NotYetHonoured(absl::StrCat(field, ".level"));
  return absl::OkStatus();
}

absl::Status CheckId(int64_t id, absl::string_view field) {
  if (id >= 0 && id <= kMaxId) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(id, " is not within 0 and ", kMaxId));
}

absl::Status CheckGroups(const google::protobuf::RepeatedField<int64_t>& groups, cri::SupplementalGroupsPolicy policy,
                         absl::string_view context) {
  for (int i = 0; i < groups.size(); ++i) {
    RETURN_IF_ERROR(CheckId(groups[i], absl::StrCat(context, ".supplemental_groups[", i, "]")));
  }
  if (cri::SupplementalGroupsPolicy_IsValid(policy)) return absl::OkStatus();
  return InvalidField(absl::StrCat(context, ".supplemental_groups_policy"),
                      absl::StrCat("unknown policy ", static_cast<int>(policy)));
}

absl::Status CheckName(const std::string& name, absl::string_view field) {
  if (name.empty()) return InvalidField(field, "is required");
  if (name.size() > kMaxName) return InvalidField(field, absl::StrCat(name.size(), " bytes, at most ", kMaxName));
  if (HasControlCharacter(name)) return InvalidField(field, "has a control character");
  return absl::OkStatus();
}

}  // namespace crisp
