// Pulls an image and shows how.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/session.h"

namespace crisp::client {

// Draws on `screen`, a descriptor, or nowhere if it is negative. A runtime without crisp.v1 pulls without a picture.
// Returns the image's id. Ctrl-C ends the program, and the runtime drops the pull unless somebody else waits for it.
absl::StatusOr<std::string> PullImage(Session& session, const std::string& name, int screen);

}  // namespace crisp::client
