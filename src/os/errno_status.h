// Errors of the kernel as absl::Status.
//
// The code is always Internal: a file's ENOENT must not reach the kubelet as NotFound, which it takes for "the
// container is gone". Code that needs the errno uses ErrnoOf.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

// Internal, "<what>: <text of error>", with the errno attached. `error` is an errno value, not zero.
absl::Status ErrnoStatus(int error, absl::string_view what);

// The errno that ErrnoStatus attached; 0 if there is none.
int ErrnoOf(const absl::Status& status);

}  // namespace crisp
