// StreamServer: serves exec, attach and port-forward over HTTP, to whoever presents a token that it gave out.
//
// A client (the kubelet, which passes through what its own client says) asks for a stream by an RPC, gets a URL, and
// opens it within a minute: SPDY/3.1 or a WebSocket, as the Kubernetes components speak them. The server pumps bytes
// between the connection and the descriptors that `StreamTarget` opens.
//
// Ownership: the target must outlive the server. Threading: all sessions live on one thread of the server's; calls of
// the target run on others, at most kMostCalls at a time. Methods are thread-safe. What a session holds is bounded, and
// free seconds after its client has gone.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "streaming/stream_target.h"

namespace crisp {

struct StreamServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6; empty: 127.0.0.1
  std::string port = "0";             // a number; 0: one that is free
  // A connection on which no byte passes for so long is closed; 0: none is.
  std::chrono::nanoseconds idle_timeout = std::chrono::hours(4);
  bool tls = false;
  std::string certificate_file;  // PEM; empty, both: a self-signed one
  std::string key_file;

  // For tests: the clock of the tokens, how long a client may take for its request and for opening its streams, how
  // long its machine may leave unanswered what is sent to it, and how long a port of a pod may take to accept.
  std::function<MonoTime()> now = MonoClock::now;
  std::chrono::nanoseconds patience = std::chrono::seconds(30);
  std::chrono::nanoseconds silence = std::chrono::seconds(20);
  std::chrono::nanoseconds dial_patience = std::chrono::seconds(20);
};

class StreamServer {
 public:
  static constexpr int kMostCalls = 256;
  static constexpr size_t kMostConnections = 4000;
  static constexpr size_t kMostStrangers = 500;  // of those, that have not presented a token

  // Errors: InvalidArgument for options that cannot be, Internal if the port is taken or a certificate cannot be read.
  static absl::StatusOr<std::unique_ptr<StreamServer>> Start(const StreamServerOptions& options, StreamTarget* target);
  // Closes every connection, and waits until what the target is asked for has ended.
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  // A URL that opens the stream once, within a minute. ResourceExhausted if too many are given out and not used.
  absl::StatusOr<std::string> ExecUrl(StreamRequest request);
  absl::StatusOr<std::string> AttachUrl(StreamRequest request);
  // Each connection names its port.
  absl::StatusOr<std::string> PortForwardUrl(std::string pod_id);

 private:
  class Impl;
  explicit StreamServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crisp
