// Streams of exec and attach: the channels of a WebSocket to the runtime's streaming server, and descriptors of this
// process. The sub-protocols are v5.channel.k8s.io, which can close the input, and v4.channel.k8s.io.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace crisp::client {

struct StreamOptions {
  int input = -1;  // -1: none
  int output = 1;
  int error_output = 2;
  bool terminal = false;    // tells the size of the terminal `input`, also when it changes
  std::string detach_keys;  // as DetachKeys takes them; only with a terminal
  bool redraw = false;      // makes the program draw its screen anew: it was there before
};

struct StreamEnd {
  bool detached = false;         // by keys; the command goes on
  std::optional<int> exit_code;  // of the command, if the runtime tells it
};

// Carries all bytes until the stream ends or the person detaches. Unavailable if nobody answers, Internal with the
// runtime's text if it cannot run the command.
absl::StatusOr<StreamEnd> RunStream(const std::string& url, const StreamOptions& options);

}  // namespace crisp::client
