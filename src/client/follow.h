// Stays with a container in the foreground: its output, the person's input, its end.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/detach_keys.h"
#include "client/own_container.h"
#include "client/runtime_client.h"

namespace crisp::client {

struct Followed {
  bool detached = false;
  int exit_code = 0;  // unless detached
};

// Of a container that was just started. Without input its log is followed, so that nothing is lost that it wrote before
// this program was attached; with input this program attaches to it.
absl::StatusOr<Followed> FollowNew(RuntimeClient* runtime, const MadeContainer& made, bool interactive, bool terminal,
                                   const std::string& detach_keys);

// Attaches to a running container. `redraw`: a program on a terminal is made to draw its screen anew.
absl::StatusOr<Followed> Attach(RuntimeClient* runtime, const std::string& id, bool interactive, bool terminal,
                                const std::string& detach_keys);

}  // namespace crisp::client
