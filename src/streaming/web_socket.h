// WebSocket: the server side of a WebSocket (RFC 6455) over a ByteStream, done by Boost.Beast.
//
// Threading: the StreamLoop's thread only. Pings are answered; there is no compression. No callback runs inside a
// method or after the destructor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "streaming/byte_stream.h"
#include "streaming/stream_loop.h"
#include "streaming/upgrade_request.h"

namespace crisp {

class WebSocket {
 public:
  // The longest message accepted. Messages are not buffered, but no working peer sends longer ones.
  static constexpr size_t kMostMessage = 32 << 20;

  // `bytes` must outlive it.
  WebSocket(StreamLoop* loop, ByteStream* bytes);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Answers the request with the chosen sub-protocol (none if empty).
  void Accept(const UpgradeRequest& request, const std::string& protocol, std::function<void(bool)> done);

  // A part of a message; `ends` if it is the last part. 0 bytes without `ends`: the peer has closed or is gone.
  using ReadDone = std::function<void(size_t bytes, bool ends)>;
  // One read and one write at a time. The caller keeps the buffers until `done` runs.
  void Read(char* into, size_t capacity, ReadDone done);
  // Messages are text from now on, where they were binary.
  void SendText();
  // Sends one message.
  void Write(std::vector<absl::string_view> parts, std::function<void(bool)> done);
  // As Write, without counting as activity (ByteStream::WriteProbe).
  void WriteProbe(std::vector<absl::string_view> parts, std::function<void(bool)> done);
  // Sends an unsolicited pong, which needs no answer (RFC 6455, section 5.5.3), so that the kernel notices a client
  // that has gone. It does not count as activity. Does nothing while an earlier one is being sent.
  void Probe();
  // Sends a close frame (1000, normal) and waits for the peer's. Not during a write; a read in progress ends.
  void Close(std::function<void()> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The payloads of a WebSocket's messages as a ByteStream, which SPDY is tunnelled in. `socket` and its `bytes` must
// outlive it.
std::unique_ptr<ByteStream> MakeTunnel(WebSocket* socket, ByteStream* bytes);

}  // namespace crisp
