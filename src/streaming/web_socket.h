// WebSocket: the server's side of a WebSocket (RFC 6455) over a stream of bytes. Boost.Beast inside, and only there.
//
// For the thread of the StreamLoop. Pings of the client are answered, and nothing is compressed. A callback never comes
// from inside a call, and none after the destructor.
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
  // The longest message that is taken. It is not kept whole, but a peer that sends longer ones is broken.
  static constexpr size_t kMostMessage = 32 << 20;

  // `bytes` outlives it.
  WebSocket(StreamLoop* loop, ByteStream* bytes);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Answers the request, with the sub-protocol that was chosen (none if empty).
  void Accept(const UpgradeRequest& request, const std::string& protocol, std::function<void(bool)> done);

  // A part of a message; `ends` if it is the last part. 0 bytes and not `ends`: the peer has gone or said goodbye.
  using ReadDone = std::function<void(size_t bytes, bool ends)>;
  // One at a time, as are writes. What is read into or written from stays until `done`.
  void Read(char* into, size_t capacity, ReadDone done);
  // One binary message.
  void Write(std::vector<absl::string_view> parts, std::function<void(bool)> done);
  // One that is no activity (ByteStream::WriteProbe).
  void WriteProbe(std::vector<absl::string_view> parts, std::function<void(bool)> done);
  // A pong that nobody has asked for: it wants no answer, and the kernel tells of a client that has gone (RFC 6455,
  // section 5.5.3). It is no activity. Nothing if one is still on its way.
  void Probe();
  // Says goodbye (1000, normal) and waits for the peer's. Not during a write; a read ends.
  void Close(std::function<void()> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The messages of a WebSocket, one after another, as a stream of bytes: what SPDY is tunnelled in. `socket` and
// `bytes`, which is what the WebSocket uses, outlive it.
std::unique_ptr<ByteStream> MakeTunnel(WebSocket* socket, ByteStream* bytes);

}  // namespace crisp
