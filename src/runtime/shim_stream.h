// ShimStream: an exec, or an attachment to a container, that is open in a shim. Destroying it ends it: the processes of
// an exec are killed, a container lives on.
//
// Ownership: it holds the connection to the shim. Threading: all methods from any thread; none waits, but that the
// destructor lets a callback finish that is running on another thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

class ShimConnection;
class StreamEnd;

class ShimStream {
 public:
  // This side's ends: close-on-exec, non-blocking; pipes, or descriptors of a terminal's master. Invalid where the
  // stream was not asked for, but for the output of an exec's terminal, which must be read: it is always there.
  struct Ends {
    Fd input;         // to write to
    Fd output;        // to read
    Fd error_output;  // to read
  };

  // `terminal`: the master of the terminal, if there is one. For ShimClient, which makes these.
  ShimStream(std::shared_ptr<ShimConnection> connection, uint64_t request, std::shared_ptr<StreamEnd> end, Ends ends,
             Fd terminal);
  ~ShimStream();
  ShimStream(const ShimStream&) = delete;
  ShimStream& operator=(const ShimStream&) = delete;

  // Once.
  Ends TakeEnds();
  // In characters. Nothing happens without a terminal.
  void Resize(uint16_t columns, uint16_t rows);
  // `ended` is called once, perhaps before this returns: with the exit code of the exec, or of the container that was
  // attached to (0 if it lives on); Internal if a client was too slow; Unavailable if the shim is gone. Not called any
  // more once the destructor has returned.
  void OnEnd(std::function<void(absl::StatusOr<int>)> ended);

 private:
  const std::shared_ptr<ShimConnection> connection_;
  const uint64_t request_;
  const std::shared_ptr<StreamEnd> end_;
  Ends ends_;
  const Fd terminal_;
};

}  // namespace crisp
