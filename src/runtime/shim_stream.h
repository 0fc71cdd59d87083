// ShimStream: an open exec, or an open attachment to a container, in a shim. The destructor kills the processes of an
// exec; a container runs on. shim_client_stream.h has the implementation.
//
// Threading: any thread may call any method. None waits, but the destructor waits for a callback that runs on another
// thread.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

class ShimStream {
 public:
  // This side's descriptors: close-on-exec, non-blocking pipes, or duplicates of a terminal's master. Invalid where the
  // stream was not requested, but the output of an exec with a terminal is always there and must be read.
  struct Descriptors {
    Fd input;         // for writing
    Fd output;        // for reading
    Fd error_output;  // for reading
  };

  virtual ~ShimStream() = default;

  // Must be called once at most.
  virtual Descriptors TakeDescriptors() = 0;
  // Sets the terminal's size in characters. Does nothing without a terminal.
  virtual void Resize(uint16_t columns, uint16_t rows) = 0;
  // Calls `ended` once, possibly before this returns: with the exit code of the exec, or of the container that was
  // attached to (0 if it still runs); Internal if a client was too slow; Unavailable if the shim is gone. It is not
  // called after the destructor has returned.
  virtual void OnExit(std::function<void(absl::StatusOr<int>)> ended) = 0;
};

}  // namespace crisp
