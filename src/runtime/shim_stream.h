// ShimStream: an exec, or an attachment to a container, that is open in a shim. Destroying it ends it: the processes of
// an exec are killed; a container runs on. ShimClient makes the real ones (shim_client_stream.h).
//
// Threading: any thread may call any method. None waits, except that the destructor waits for a callback that is
// running on another thread.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

class ShimStream {
 public:
  // This side's descriptors: close-on-exec, non-blocking; pipes, or duplicates of a terminal's master. Invalid where
  // the stream was not asked for, except the output of an exec with a terminal: it is always there and must be read.
  struct Ends {
    Fd input;         // to write to
    Fd output;        // to read from
    Fd error_output;  // to read from
  };

  virtual ~ShimStream() = default;

  // Once.
  virtual Ends TakeEnds() = 0;
  // In characters. Does nothing without a terminal.
  virtual void Resize(uint16_t columns, uint16_t rows) = 0;
  // Calls `ended` once, possibly before this returns: with the exit code of the exec, or of the container that was
  // attached to (0 if it still runs); Internal if a client was too slow; Unavailable if the shim is gone. It is not
  // called after the destructor has returned.
  virtual void OnEnd(std::function<void(absl::StatusOr<int>)> ended) = 0;
};

}  // namespace crisp
