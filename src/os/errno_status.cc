#include "os/errno_status.h"

#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {
constexpr absl::string_view kErrnoPayload = "crisp/errno";
}

absl::Status ErrnoStatus(int error, absl::string_view what) {
  const char* text = strerrordesc_np(error);
  absl::Status status =
      absl::InternalError(absl::StrCat(what, ": ", text != nullptr ? text : absl::StrCat("errno ", error)));
  status.SetPayload(kErrnoPayload, absl::Cord(absl::StrCat(error)));
  return status;
}

int ErrnoOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrnoPayload);
  int error = 0;
  if (payload.has_value() && absl::SimpleAtoi(std::string(*payload), &error)) return error;
  return 0;
}

}  // namespace crisp
