// ByteStream: a connection to a client as a stream of bytes: TCP, TLS over TCP, or the payloads of WebSocket messages.
//
// Threading: the StreamLoop's thread only. The destructor closes the connection; no callback runs after it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "os/fd.h"
#include "streaming/stream_loop.h"

struct ssl_ctx_st;

namespace crisp {

class ByteStream {
 public:
  // The number of bytes read; 0 at the end of the stream or when the connection is broken.
  using ReadDone = std::function<void(size_t)>;
  // True if the kernel took all bytes, false if the connection is broken.
  using WriteDone = std::function<void(bool)>;

  virtual ~ByteStream() = default;

  // One read and one write at a time. `done` runs later, never inside the call. The caller keeps the buffers until
  // then.
  virtual void Read(char* into, size_t capacity, ReadDone done) = 0;
  virtual void Write(std::vector<absl::string_view> parts, WriteDone done) = 0;
  // As Write, for bytes that only test whether the peer is there: they do not count as activity.
  virtual void WriteProbe(std::vector<absl::string_view> parts, WriteDone done) = 0;
  // Ends the writing direction (shutdown(2), or TLS close_notify). Not during a write.
  virtual void ShutdownWrite() = 0;
  // For getsockopt(2) and poll(2) only.
  virtual int socket() const = 0;
  // The time of the last read or write that was not a probe.
  virtual MonoTime last_activity() const = 0;
};

// `socket` is connected and non-blocking.
std::unique_ptr<ByteStream> MakeTcpStream(StreamLoop* loop, Fd socket);

// As MakeTcpStream, with TLS as the server. The first read does the handshake. `context` must outlive the stream.
std::unique_ptr<ByteStream> MakeTlsStream(StreamLoop* loop, Fd socket, ssl_ctx_st* context);

// Watches a connection that is not being read. Calls `gone` once if the peer has closed or reset it, and `probe` each
// second, which sends a message that needs no answer: a FIN of the peer can be stuck behind bytes that the full receive
// buffer does not admit, and then only a send makes the kernel report that the peer is gone.
class UnreadWatch {
 public:
  UnreadWatch(StreamLoop* loop, int socket, std::function<void()> probe, std::function<void()> gone);

 private:
  void Probe();

  Fd epoll_;
  std::unique_ptr<FdWait> wait_;
  const std::function<void()> probe_;
  StreamTimer timer_;
};

// Calls `gone` once if the peer's machine stops acknowledging bytes that were sent. Keepalive covers idle connections
// only, and retransmission gives up after about 15 minutes (tcp(7), tcp_retries2). A peer that does not read is not
// gone: its kernel still acknowledges window probes.
class SilenceWatch {
 public:
  // Detection takes between one and two times `patience`.
  SilenceWatch(StreamLoop* loop, int socket, std::chrono::nanoseconds patience, std::function<void()> gone);

 private:
  void Look();

  const int socket_;
  const std::chrono::milliseconds patience_;
  const std::function<void()> gone_;
  bool unanswered_ = false;  // bytes were unacknowledged at the last check
  StreamTimer timer_;
};

// A lingering close. Calls `over` once the client has acknowledged everything and then stayed silent for a while, since
// not every client closes its side. Until then the user of `bytes` reads and drops what arrives. Closing at once would
// lose data: bytes that arrive at a closed socket are answered with a reset, which discards what a slow client has not
// read yet.
class LingeringClose {
 public:
  static constexpr std::chrono::seconds kPatience{10};

  LingeringClose(StreamLoop* loop, const ByteStream* bytes, std::function<void()> over);

 private:
  void Look();

  const ByteStream* const bytes_;
  const std::function<void()> over_;
  StreamTimer timer_;
};

}  // namespace crisp
