// StreamListener: accepts TCP connections on the StreamLoop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "os/fd.h"
#include "streaming/stream_loop.h"

namespace crisp {

struct ListeningSocket {
  Fd fd;
  std::string host;  // address and port for clients on this machine: "127.0.0.1:34567", "[::1]:34567"
};

// `address` is numeric; `port` is a number, 0 for any free port. Errors: InvalidArgument for other texts, Internal from
// the kernel.
absl::StatusOr<ListeningSocket> ListenTcp(const std::string& address, const std::string& port);

// Threading: the loop's thread only.
class StreamListener {
 public:
  // Passes each connection on non-blocking, with TCP_NODELAY and keepalive probes.
  StreamListener(StreamLoop* loop, Fd socket, std::function<void(Fd)> accepted);

 private:
  void Accept();

  const Fd socket_;
  const std::function<void(Fd)> accepted_;
  FdWait wait_;
  StreamTimer pause_;
};

}  // namespace crisp
