// Validation that the security contexts of pods and containers share.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

// 0 … 2^32-2: the kernel takes 2^32-1 for "no change".
absl::Status CheckId(int64_t id, absl::string_view field);
absl::Status CheckGroups(const google::protobuf::RepeatedField<int64_t>& groups, cri::SupplementalGroupsPolicy policy,
                         absl::string_view context);

// Names of pods and containers appear in logs, file names and terminals, so control characters are refused.
absl::Status CheckName(const std::string& name, absl::string_view field);

}  // namespace crisp
