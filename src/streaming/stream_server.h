// StreamServer: serves exec, attach and port-forward over HTTP to clients that present a token.
//
// A client (the kubelet, as a proxy of its own client) asks for a stream by an RPC, gets a URL with a token, and opens
// it within a minute over SPDY/3.1 or a WebSocket. The server pumps bytes between the connection and the descriptors
// that `StreamTarget` opens.
//
// Ownership: the target must outlive the server. Threading: methods are thread-safe. All sessions run on one thread of
// the server; calls of the target run on other threads, at most kMostCalls at a time. The memory of a session is
// bounded, and released seconds after its client has gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/reloadable.h"
#include "streaming/stream_target.h"
#include "streaming/streaming_counters.h"

namespace crisp {

struct StreamServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6; empty: 127.0.0.1
  std::string port = "0";             // a number; 0: any free port
  // Closes connections without traffic for this time; 0: never.
  std::chrono::nanoseconds idle_timeout = std::chrono::hours(4);
  bool tls = false;
  std::string certificate_file;  // PEM; empty, both: a self-signed one
  std::string key_file;

  // For tests: the clock of the tokens, and the limits of StreamContext.
  std::function<MonoTime()> now = MonoClock::now;
  std::chrono::nanoseconds request_patience = std::chrono::seconds(10);
  std::chrono::nanoseconds patience = std::chrono::seconds(30);
  std::chrono::nanoseconds silence = std::chrono::seconds(20);
  std::chrono::nanoseconds dial_patience = std::chrono::seconds(20);
};

class StreamServer {
 public:
  static constexpr int kMostCalls = 256;
  static constexpr size_t kMostSessions = 4000;  // connections that have shown a token
  static constexpr size_t kMostStrangers = 500;  // those that have not; beyond that one of them is dropped for each new

  // Errors: InvalidArgument for invalid options; Internal if the port is in use or a certificate cannot be read.
  static absl::StatusOr<std::unique_ptr<StreamServer>> Start(const StreamServerOptions& options, StreamTarget* target);
  // Closes every connection and waits for the target's calls in progress.
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  // A URL that opens the stream once, within a minute. ResourceExhausted if too many tokens are unused.
  absl::StatusOr<std::string> ExecUrl(StreamRequest request);
  absl::StatusOr<std::string> AttachUrl(StreamRequest request);
  // Over SPDY the client names the port of each connection when it opens it. Over the channels of a WebSocket `ports`
  // are forwarded, or those of the client's query if there are none.
  absl::StatusOr<std::string> PortForwardUrl(std::string pod_id, std::vector<uint16_t> ports = {});

  // Another idle timeout, and the certificate and key as they are in their files now, for connections that come after
  // the commit. The other options are those of Start. Internal if the files cannot be read.
  absl::StatusOr<Commit> Prepare(const StreamServerOptions& options);

  // Calls `answer` on the thread of the sessions as soon as it gets to it: the sign that it works.
  void Ask(std::function<void()> answer);

  const StreamingCounters& counters() const;

 private:
  class Impl;
  explicit StreamServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crisp
