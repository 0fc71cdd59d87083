#include "runtime/field_error.h"

#include "absl/strings/str_cat.h"

namespace crisp {

absl::Status InvalidField(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("field ", field, ": ", why));
}

absl::Status NotYetHonoured(absl::string_view field) {
  return absl::UnimplementedError(
      absl::StrCat("field ", field, ": asked for, and not honoured by this version of crisp; leave it unset"));
}

}  // namespace crisp
