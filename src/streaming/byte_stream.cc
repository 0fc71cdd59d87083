#include "streaming/byte_stream.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <iterator>

namespace crisp {
namespace {

// Common to TCP and TLS: the socket, one read in progress and one write in progress.
class SocketStream : public ByteStream {
 public:
  SocketStream(StreamLoop* loop, Fd socket) : loop_(loop), socket_(std::move(socket)), wait_(loop, socket_.get()) {}

  void Read(char* into, size_t capacity, ReadDone done) override {
    into_ = into;
    capacity_ = capacity;
    read_done_ = std::move(done);
    TryRead();
  }

  void Write(std::vector<absl::string_view> parts, WriteDone done) override {
    BeginWrite(std::move(parts), std::move(done), /*probe=*/false);
  }

  void WriteProbe(std::vector<absl::string_view> parts, WriteDone done) override {
    BeginWrite(std::move(parts), std::move(done), /*probe=*/true);
  }

  int socket() const override { return socket_.get(); }
  MonoTime last_activity() const override { return last_activity_; }

 protected:
  virtual void TryRead() = 0;
  virtual void TryWrite() = 0;

  void EndRead(size_t bytes) {
    last_activity_ = MonoClock::now();
    loop_->Post(alive_, [this, bytes] {
      const ReadDone done = std::move(read_done_);
      done(bytes);
    });
  }

  void EndWrite(bool well) {
    loop_->Post(alive_, [this, well] {
      const WriteDone done = std::move(write_done_);
      done(well);
    });
  }

  // Drops `written` bytes from the front. True if nothing is left.
  bool Written(size_t bytes) {
    if (bytes > 0 && !probe_) last_activity_ = MonoClock::now();
    while (part_ < parts_.size()) {
      absl::string_view& part = parts_[part_];
      const size_t taken = std::min(bytes, part.size());
      part.remove_prefix(taken);
      bytes -= taken;
      if (!part.empty()) return false;
      ++part_;
    }
    return true;
  }

  StreamLoop* const loop_;
  const Fd socket_;
  FdWait wait_;
  char* into_ = nullptr;
  size_t capacity_ = 0;
  std::vector<absl::string_view> parts_;
  size_t part_ = 0;  // index of the first part that is not written

 private:
  void BeginWrite(std::vector<absl::string_view> parts, WriteDone done, bool probe) {
    parts_ = std::move(parts);
    part_ = 0;
    probe_ = probe;
    write_done_ = std::move(done);
    TryWrite();
  }

  bool probe_ = false;  // the write in progress is a probe
  MonoTime last_activity_ = MonoClock::now();
  ReadDone read_done_;
  WriteDone write_done_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class TcpStream final : public SocketStream {
 public:
  using SocketStream::SocketStream;

  void ShutdownWrite() override { shutdown(socket_.get(), SHUT_WR); }

 private:
  void TryRead() override {
    const ssize_t got = recv(socket_.get(), into_, capacity_, 0);
    if (got < 0 && WouldBlock(errno)) return wait_.WhenReadable([this] { TryRead(); });
    EndRead(got > 0 ? static_cast<size_t>(got) : 0);
  }

  void TryWrite() override {
    while (!Written(0)) {
      iovec vectors[64];
      msghdr message{};
      message.msg_iov = vectors;
      for (size_t i = part_; i < parts_.size() && message.msg_iovlen < std::size(vectors); ++i) {
        vectors[message.msg_iovlen++] = {const_cast<char*>(parts_[i].data()), parts_[i].size()};
      }
      const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
      if (sent < 0 && WouldBlock(errno)) return wait_.WhenWritable([this] { TryWrite(); });
      if (sent < 0) return EndWrite(false);
      Written(static_cast<size_t>(sent));
    }
    EndWrite(true);
  }
};

class TlsStream final : public SocketStream {
 public:
  TlsStream(StreamLoop* loop, Fd socket, SSL_CTX* context)
      : SocketStream(loop, std::move(socket)), ssl_(SSL_new(context)) {
    if (ssl_ == nullptr) return;
    SSL_set_fd(ssl_, socket_.get());
    SSL_set_accept_state(ssl_);
    // OpenSSL retries a refused write with the remaining bytes, which may be at another address.
    SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  ~TlsStream() override { SSL_free(ssl_); }

  void ShutdownWrite() override {
    ERR_clear_error();
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    ERR_clear_error();
    shutdown(socket_.get(), SHUT_WR);
  }

 private:
  void TryRead() override {
    if (ssl_ == nullptr) return EndRead(0);
    ERR_clear_error();
    const int got = SSL_read(ssl_, into_, static_cast<int>(std::min<size_t>(capacity_, INT_MAX)));
    if (got > 0) return EndRead(static_cast<size_t>(got));
    if (!Wait(SSL_get_error(ssl_, got), [this] { TryRead(); })) EndRead(0);
  }

  void TryWrite() override {
    while (!Written(0)) {
      const absl::string_view part = parts_[part_];
      ERR_clear_error();
      const int sent =
          ssl_ == nullptr ? -1 : SSL_write(ssl_, part.data(), static_cast<int>(std::min<size_t>(part.size(), INT_MAX)));
      if (sent > 0) {
        Written(static_cast<size_t>(sent));
      } else if (ssl_ != nullptr && Wait(SSL_get_error(ssl_, sent), [this] { TryWrite(); })) {
        return;
      } else {
        return EndWrite(false);
      }
    }
    EndWrite(true);
  }

  // During the handshake a read can need to write, and the other way round. False if `error` means no wait.
  bool Wait(int error, std::function<void()> again) {
    if (error == SSL_ERROR_WANT_READ) {
      wait_.WhenReadable(std::move(again));
    } else if (error == SSL_ERROR_WANT_WRITE) {
      wait_.WhenWritable(std::move(again));
    } else {
      return false;
    }
    return true;
  }

  SSL* const ssl_;
};

}  // namespace

std::unique_ptr<ByteStream> MakeTcpStream(StreamLoop* loop, Fd socket) {
  return std::make_unique<TcpStream>(loop, std::move(socket));
}

std::unique_ptr<ByteStream> MakeTlsStream(StreamLoop* loop, Fd socket, ssl_ctx_st* context) {
  return std::make_unique<TlsStream>(loop, std::move(socket), context);
}

UnreadWatch::UnreadWatch(StreamLoop* loop, int socket, std::function<void()> probe, std::function<void()> gone)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), probe_(std::move(probe)), timer_(loop) {
  Probe();
  // Asio does not wait for EPOLLRDHUP (a half-closed connection), so this nests an epoll instance that does.
  epoll_event event{};
  event.events = EPOLLRDHUP;
  if (!epoll_.valid() || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) != 0) return;
  wait_ = std::make_unique<FdWait>(loop, epoll_.get());
  wait_->WhenReadable(std::move(gone));
}

void UnreadWatch::Probe() {
  timer_.Start(std::chrono::seconds(1), [this] {
    probe_();
    Probe();
  });
}

SilenceWatch::SilenceWatch(StreamLoop* loop, int socket, std::chrono::nanoseconds patience, std::function<void()> gone)
    : socket_(socket),
      patience_(std::chrono::duration_cast<std::chrono::milliseconds>(patience)),
      gone_(std::move(gone)),
      timer_(loop) {
  timer_.Start(patience_, [this] { Look(); });
}

void SilenceWatch::Look() {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
  const bool under_way = info.tcpi_unacked > 0;
  const bool silent = std::chrono::milliseconds(info.tcpi_last_ack_recv) >= patience_;
  if (unanswered_ && under_way && silent) return gone_();
  unanswered_ = under_way;
  timer_.Start(patience_, [this] { Look(); });
}

LingeringClose::LingeringClose(StreamLoop* loop, const ByteStream* bytes, std::function<void()> over)
    : bytes_(bytes), over_(std::move(over)), timer_(loop) {
  timer_.Start(kPatience, [this] { Look(); });
}

void LingeringClose::Look() {
  int unsent = 0;
  // The bytes that the peer has not acknowledged (tcp(7), SIOCOUTQ). While there are any, either a slow client reads,
  // or the kernel finds that it is gone.
  const bool knows = ioctl(bytes_->socket(), SIOCOUTQ, &unsent) == 0;
  const bool silent = MonoClock::now() - bytes_->last_activity() >= kPatience;
  if (!knows || (unsent == 0 && silent)) return over_();
  timer_.Start(kPatience, [this] { Look(); });
}

}  // namespace crisp
