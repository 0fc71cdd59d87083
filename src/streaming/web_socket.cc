#include "streaming/web_socket.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <utility>

#include "streaming/stream_loop_asio.h"

namespace crisp {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

// A ByteStream as the AsyncStream that Beast needs below it.
class BeastBytes {
 public:
  using executor_type = asio::io_context::executor_type;

  // While `*probing` is true, writes are probes.
  BeastBytes(StreamLoop* loop, ByteStream* bytes, const bool* probing)
      : executor_(loop->impl().context.get_executor()), bytes_(bytes), probing_(probing) {}

  executor_type get_executor() const noexcept { return executor_; }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return asio::async_initiate<Handler, void(error_code, size_t)>(
        [this](auto done, const Buffers& into) {
          const asio::mutable_buffer first = FirstFilled<asio::mutable_buffer>(into);
          // A std::function must be copyable, and the handler is not.
          auto shared = std::make_shared<decltype(done)>(std::move(done));
          bytes_->Read(static_cast<char*>(first.data()), first.size(), [shared](size_t got) {
            auto handle = std::move(*shared);
            handle(got > 0 ? error_code() : error_code(asio::error::eof), got);
          });
        },
        handler, buffers);
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return asio::async_initiate<Handler, void(error_code, size_t)>(
        [this](auto done, const Buffers& from) {
          std::vector<absl::string_view> parts;
          for (auto it = asio::buffer_sequence_begin(from); it != asio::buffer_sequence_end(from); ++it) {
            const asio::const_buffer part(*it);
            parts.emplace_back(static_cast<const char*>(part.data()), part.size());
          }
          const size_t size = asio::buffer_size(from);
          auto shared = std::make_shared<decltype(done)>(std::move(done));
          const auto written = [shared, size](bool well) {
            auto handle = std::move(*shared);
            handle(well ? error_code() : error_code(asio::error::broken_pipe), well ? size : 0);
          };
          *probing_ ? bytes_->WriteProbe(std::move(parts), written) : bytes_->Write(std::move(parts), written);
        },
        handler, buffers);
  }

 private:
  template <class Buffer, class Buffers>
  static Buffer FirstFilled(const Buffers& buffers) {
    for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers); ++it) {
      if (Buffer(*it).size() > 0) return *it;
    }
    return Buffer();
  }

  executor_type executor_;
  ByteStream* bytes_;
  const bool* probing_;
};

// Beast calls these after its own time-outs, which are off, and after the closing handshake. The ByteStream's owner
// closes the connection.
void beast_close_socket(BeastBytes&) {}

template <class Handler>
void async_teardown(beast::role_type, BeastBytes& bytes, Handler&& handler) {
  asio::post(bytes.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler), error_code()));
}

}  // namespace

class WebSocket::Impl {
 public:
  Impl(StreamLoop* loop, ByteStream* bytes) : stream(loop, bytes, &probing) {
    stream.binary(true);
    stream.auto_fragment(false);
    stream.read_message_max(kMostMessage);
    // The sessions have their own time-outs.
    stream.set_option(
        websocket::stream_base::timeout{websocket::stream_base::none(), websocket::stream_base::none(), false});
  }

  bool probing = false;
  // `false` leaves out compression and its code.
  websocket::stream<BeastBytes, false> stream;
  http::request<http::empty_body> request;
  const std::shared_ptr<char> alive = std::make_shared<char>();
};

WebSocket::WebSocket(StreamLoop* loop, ByteStream* bytes) : impl_(std::make_unique<Impl>(loop, bytes)) {}
WebSocket::~WebSocket() = default;

void WebSocket::Accept(const UpgradeRequest& request, const std::string& protocol, std::function<void(bool)> done) {
  http::request<http::empty_body>& asked = impl_->request;
  asked.method_string(request.method);
  asked.target(request.target);
  asked.version(11);
  for (const auto& [name, value] : request.headers) asked.insert(name, value);
  impl_->stream.set_option(websocket::stream_base::decorator([protocol](websocket::response_type& answer) {
    if (!protocol.empty()) answer.set(http::field::sec_websocket_protocol, protocol);
  }));
  impl_->stream.async_accept(asked,
                             [done = std::move(done), weak = std::weak_ptr<char>(impl_->alive)](error_code error) {
                               if (!weak.expired()) done(!error);
                             });
}

void WebSocket::SendText() {
  impl_->stream.text(true);
}

void WebSocket::Read(char* into, size_t capacity, ReadDone done) {
  auto& stream = impl_->stream;
  stream.async_read_some(
      asio::buffer(into, capacity),
      [&stream, done = std::move(done), weak = std::weak_ptr<char>(impl_->alive)](error_code error, size_t got) {
        if (weak.expired()) return;
        done(error ? 0 : got, !error && stream.is_message_done());
      });
}

void WebSocket::Write(std::vector<absl::string_view> parts, std::function<void(bool)> done) {
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(parts.size());
  for (const absl::string_view part : parts) buffers.emplace_back(part.data(), part.size());
  impl_->stream.async_write(
      buffers, [done = std::move(done), weak = std::weak_ptr<char>(impl_->alive)](error_code error, size_t) {
        if (!weak.expired()) done(!error);
      });
}

void WebSocket::WriteProbe(std::vector<absl::string_view> parts, std::function<void(bool)> done) {
  impl_->probing = true;
  Write(std::move(parts), [impl = impl_.get(), done = std::move(done)](bool well) {
    impl->probing = false;
    done(well);
  });
}

void WebSocket::Probe() {
  if (std::exchange(impl_->probing, true)) return;
  impl_->stream.async_pong({}, [impl = impl_.get(), weak = std::weak_ptr<char>(impl_->alive)](error_code) {
    if (!weak.expired()) impl->probing = false;
  });
}

void WebSocket::Close(std::function<void()> done) {
  impl_->stream.async_close(websocket::close_code::normal,
                            [done = std::move(done), weak = std::weak_ptr<char>(impl_->alive)](error_code) {
                              if (!weak.expired()) done();
                            });
}

namespace {

class Tunnel final : public ByteStream {
 public:
  Tunnel(WebSocket* socket, ByteStream* bytes) : socket_(socket), bytes_(bytes) {}

  void Read(char* into, size_t capacity, ReadDone done) override {
    socket_->Read(
        into, capacity,
        [this, into, capacity, done = std::move(done), weak = std::weak_ptr<char>(alive_)](size_t got, bool ends) {
          if (weak.expired()) return;
          if (got == 0 && ends) return Read(into, capacity, done);  // an empty message does not end the stream
          done(got);
        });
  }

  void Write(std::vector<absl::string_view> parts, WriteDone done) override {
    socket_->Write(std::move(parts), [done = std::move(done), weak = std::weak_ptr<char>(alive_)](bool well) {
      if (!weak.expired()) done(well);
    });
  }

  void WriteProbe(std::vector<absl::string_view> parts, WriteDone done) override {
    socket_->WriteProbe(std::move(parts), [done = std::move(done), weak = std::weak_ptr<char>(alive_)](bool well) {
      if (!weak.expired()) done(well);
    });
  }

  // Not needed: only a port-forward uses a tunnel, and it ends when its client closes.
  void ShutdownWrite() override {}

  int socket() const override { return bytes_->socket(); }
  MonoTime last_activity() const override { return bytes_->last_activity(); }

 private:
  WebSocket* const socket_;
  ByteStream* const bytes_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<ByteStream> MakeTunnel(WebSocket* socket, ByteStream* bytes) {
  return std::make_unique<Tunnel>(socket, bytes);
}

}  // namespace crisp
