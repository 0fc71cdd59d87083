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
