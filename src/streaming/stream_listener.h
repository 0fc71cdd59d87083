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
  std::string host;  // "127.0.0.1:34567", "[::1]:34567": where a client on this machine reaches it
};

// `address` is numeric; `port` a number, 0 for one that is free. InvalidArgument for others, Internal from the kernel.
absl::StatusOr<ListeningSocket> ListenTcp(const std::string& address, const std::string& port);

// For the thread of the loop.
class StreamListener {
 public:
  // Connections come non-blocking, without delay of small packets, and with keepalive probes.
  StreamListener(StreamLoop* loop, Fd socket, std::function<void(Fd)> accepted);

 private:
  void Accept();

  const Fd socket_;
  const std::function<void(Fd)> accepted_;
  FdWait wait_;
  StreamTimer pause_;
};

}  // namespace crisp
