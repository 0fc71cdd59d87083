// StreamTarget: what the streaming server needs from pods and containers, declared by its user. sandbox/ implements it.
//
// Descriptors are the streams: the server pumps bytes between them and the network, and nobody buffers in between. They
// are close-on-exec, non-blocking, pipes or terminals, and owned by who takes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/stdio_streams.h"
#include "os/fd.h"
#include "os/loopback.h"

namespace crisp {

// An exec or an attach, as the client asked for it.
struct StreamRequest {
  std::string container_id;
  std::vector<std::string> command;  // exec only
  StdioStreams streams;
};

// The ends of a session's streams; invalid where the stream was not asked for. The output of a terminal may be there
// all the same: it is to be read and dropped then, since a terminal that nobody reads stops whoever writes to it.
struct StreamEnds {
  Fd input;         // to write to; closing it is the end of input
  Fd output;        // to read; end of file, or EIO of a terminal, when there is no more
  Fd error_output;  // to read
};

// A running exec, or an attachment to a container's own streams. Destroying it ends it: an exec's processes are killed,
// a container lives on. Methods may be called from any thread, and do not wait.
class StreamSession {
 public:
  virtual ~StreamSession() = default;

  // Once.
  virtual StreamEnds TakeEnds() = 0;
  // The size of the terminal in characters; nothing happens without one.
  virtual void Resize(uint16_t columns, uint16_t rows) = 0;
  // Once, after TakeEnds: `ended` is called once, from any thread, perhaps before this returns, with the exit code of
  // the exec, or of the container that was attached to (0 if that lives on and only the attachment has ended). Output
  // may still be in the descriptors then. Not called any more once the destructor has returned.
  virtual void OnEnd(std::function<void(absl::StatusOr<int>)> ended) = 0;
};

// What takes a Call blocks for as long as that lasts. All methods may be called from many threads.
// Errors: NotFound naming the pod or container, FailedPrecondition if it does not run, Internal for the rest.
class StreamTarget {
 public:
  virtual ~StreamTarget() = default;

  virtual absl::StatusOr<std::unique_ptr<StreamSession>> OpenExec(const StreamRequest& request, const Call& call) = 0;
  virtual absl::StatusOr<std::unique_ptr<StreamSession>> OpenAttach(const StreamRequest& request, const Call& call) = 0;
  // Begins a TCP connection to `port` of the pod's own loopback: 127.0.0.1, then ::1. The server waits for it.
  virtual absl::StatusOr<LoopbackDial> Dial(const std::string& pod_id, uint16_t port) = 0;
};

}  // namespace crisp
