// StreamTarget: what the streaming server needs from pods and containers. It is declared here, by its user; sandbox/
// implements it.
//
// Streams are descriptors: close-on-exec, non-blocking pipes or terminals, owned by the caller that takes them. The
// server pumps bytes between them and the network without a buffer in between.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/stdio_streams.h"
#include "os/fd.h"
#include "os/loopback.h"

namespace crisp {

// An exec or attach as requested by the client.
struct StreamRequest {
  std::string container_id;
  std::vector<std::string> command;  // exec only
  StdioStreams streams;
};

// This side's descriptors of a session; invalid where a stream was not requested. The output of a terminal can be there
// unrequested: it must be read and dropped, since a terminal that nobody reads blocks its writers.
struct StreamDescriptors {
  Fd input;         // for writing; closing it ends the input
  Fd output;        // for reading; ends with end of file, or with EIO if it is a terminal
  Fd error_output;  // for reading
};

// A running exec, or an attachment to a container's streams. The destructor kills the processes of an exec; a container
// runs on. Methods may be called from any thread and do not wait.
class StreamSession {
 public:
  virtual ~StreamSession() = default;

  // Must be called once at most.
  virtual StreamDescriptors TakeDescriptors() = 0;
  // Sets the size of the terminal in characters. Does nothing without a terminal.
  virtual void Resize(uint16_t columns, uint16_t rows) = 0;
  // Must be called once at most, after TakeDescriptors. Calls `ended` once, from any thread, possibly before this
  // returns, with the exit code of the exec, or of the attached container (0 if that runs on and only the attachment
  // has ended). The descriptors can still hold output then. `ended` is not called after the destructor has returned.
  virtual void OnExit(std::function<void(absl::StatusOr<int>)> ended) = 0;
};

// Thread-safe. Methods with a CallContext block until they are done or it is over.
// Errors: NotFound naming the pod or container, FailedPrecondition if it does not run, Internal for the rest.
class StreamTarget {
 public:
  virtual ~StreamTarget() = default;

  virtual absl::StatusOr<std::unique_ptr<StreamSession>> OpenExec(const StreamRequest& request,
                                                                  const CallContext& call) = 0;
  virtual absl::StatusOr<std::unique_ptr<StreamSession>> OpenAttach(const StreamRequest& request,
                                                                    const CallContext& call) = 0;
  // Starts a TCP connection to `port` of the pod's loopback, 127.0.0.1 and then ::1. The server waits for its end.
  virtual absl::StatusOr<LoopbackDial> Dial(const std::string& pod_id, uint16_t port) = 0;
};

}  // namespace crisp
