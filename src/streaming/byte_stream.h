// ByteStream: a connection to a client as bytes: TCP, TLS over TCP, or the messages of a WebSocket one after another.
//
// For the thread of the StreamLoop. Destroying it drops the connection; no callback comes after.
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
  // How many bytes came; 0: the peer sends no more, or the connection is broken.
  using ReadDone = std::function<void(size_t)>;
  // True if all was handed to the kernel; false if the connection is broken.
  using WriteDone = std::function<void(bool)>;

  virtual ~ByteStream() = default;

  // One read and one write at a time. `done` is called later, never inside the call. What is read into or written from
  // stays where it is until then.
  virtual void Read(char* into, size_t capacity, ReadDone done) = 0;
  virtual void Write(std::vector<absl::string_view> parts, WriteDone done) = 0;
  // The same, for what is sent only to find out whether the peer is there: it is no activity.
  virtual void WriteProbe(std::vector<absl::string_view> parts, WriteDone done) = 0;
  // Says to the peer that nothing more will be written. Not during a write.
  virtual void ShutdownWrite() = 0;
  // The socket, for asking the kernel about it.
  virtual int socket() const = 0;
  // When bytes last went in or out, but for probes.
  virtual MonoTime last_activity() const = 0;
};

// `socket` is connected and non-blocking.
std::unique_ptr<ByteStream> MakeTcpStream(StreamLoop* loop, Fd socket);

// The same as a server of TLS; the handshake is a part of the first read. `context` outlives the stream.
std::unique_ptr<ByteStream> MakeTlsStream(StreamLoop* loop, Fd socket, ssl_ctx_st* context);

// For while nothing is read: calls `gone` once if the peer has closed its side or is gone, and `probe` each second,
// which sends what wants no answer. The peer's goodbye may be stuck behind bytes for which the kernel has no room; then
// the kernel only tells of it if something is sent.
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

// Calls `gone` once if the peer's machine is gone while bytes are under way to it. The kernel's own probes are for
// silent connections, and for what it sends again and again it has a quarter of an hour (tcp(7), tcp_retries2). A peer
// that does not read is not gone: its machine answers.
class SilenceWatch {
 public:
  // It takes the time of `patience` once or twice.
  SilenceWatch(StreamLoop* loop, int socket, std::chrono::nanoseconds patience, std::function<void()> gone);

 private:
  void Look();

  const int socket_;
  const std::chrono::milliseconds patience_;
  const std::function<void()> gone_;
  bool unanswered_ = false;  // something was under way at the last look
  StreamTimer timer_;
};

// Calls `over` once the client has taken all that was written and then says nothing for a while: it does not close a
// connection on which all has been said. Until then the user of `bytes` reads on and drops what comes. To close at once
// would be wrong: bytes that arrive at a closed socket make the kernel answer with a reset, and that takes from a slow
// client what it has not read.
class Farewell {
 public:
  static constexpr std::chrono::seconds kPatience{10};

  Farewell(StreamLoop* loop, const ByteStream* bytes, std::function<void()> over);

 private:
  void Look();

  const ByteStream* const bytes_;
  const std::function<void()> over_;
  StreamTimer timer_;
};

}  // namespace crisp
