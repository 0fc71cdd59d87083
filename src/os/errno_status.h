// Errors of the kernel as absl::Status.
//
// The code is always Internal: ENOENT of some file must never reach the kubelet as NotFound, which to it means "that
// container is gone". Code that needs the errno asks for it with ErrnoOf.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

// Internal, "<what>: <text of error>", with the errno attached. `error` is an errno value, not zero.
absl::Status ErrnoStatus(int error, absl::string_view what);

// The errno that ErrnoStatus attached, 0 if none.
int ErrnoOf(const absl::Status& status);

}  // namespace crisp
