#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "streaming/testing/spdy_client.h"

namespace crisp {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;
using ClientSocket = websocket::stream<asio::ip::tcp::socket, false>;

struct Upgraded {
  asio::io_context context;
  ClientSocket socket{context};
  std::string chosen;
};

void Upgrade(const std::string& url, const std::string& protocol, Upgraded* upgraded) {
  const UrlParts parts = SplitUrl(url);
  error_code error;
  // Asio does not set close-on-exec, and the target starts processes.
  upgraded->socket.next_layer().assign(asio::ip::tcp::v4(), ConnectTcp(parts).release(), error);
  upgraded->socket.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
    if (!protocol.empty()) request.set(beast::http::field::sec_websocket_protocol, protocol);
  }));
  websocket::response_type answer;
  upgraded->socket.handshake(answer, "test", parts.path, error);
  upgraded->socket.binary(true);
  upgraded->chosen = error ? "refused" : std::string(answer[beast::http::field::sec_websocket_protocol]);
}

class TunnelBytes final : public ClientBytes {
 public:
  explicit TunnelBytes(const std::string& url) { Upgrade(url, "SPDY/3.1+portforward.k8s.io", &upgraded_); }
  void Write(absl::string_view bytes) override {
    error_code error;
    upgraded_.socket.write(asio::buffer(bytes.data(), bytes.size()), error);
  }
  std::string Read(std::chrono::milliseconds) override {
    beast::flat_buffer buffer;
    error_code error;
    do {
      upgraded_.socket.read_some(buffer, 64 << 10, error);
    } while (!error && buffer.size() == 0);
    return std::string(static_cast<const char*>(buffer.data().data()), buffer.size());
  }
  void Drop(bool) override {
    error_code error;
    upgraded_.socket.next_layer().close(error);
  }
  int socket() override { return upgraded_.socket.next_layer().native_handle(); }

 private:
  Upgraded upgraded_;
};

}  // namespace

std::unique_ptr<ClientBytes> ConnectTunnel(const std::string& url) {
  return std::make_unique<TunnelBytes>(url);
}

class ChannelClient::Impl : public Upgraded {};

ChannelClient::ChannelClient() : impl_(std::make_unique<Impl>()) {}
ChannelClient::~ChannelClient() = default;

std::unique_ptr<ChannelClient> ChannelClient::Connect(const std::string& url, const std::string& protocol) {
  std::unique_ptr<ChannelClient> client(new ChannelClient);
  Upgrade(url, protocol, client->impl_.get());
  return client;
}

const std::string& ChannelClient::protocol() const {
  return impl_->chosen;
}

void ChannelClient::Send(uint8_t channel, absl::string_view data) {
  if (!in_base64()) return SendRaw(absl::StrCat(std::string(1, static_cast<char>(channel)), data));
  impl_->socket.text(true);
  SendRaw(absl::StrCat(std::string(1, static_cast<char>('0' + channel)), absl::Base64Escape(data)));
}

bool ChannelClient::ReadUntilData(uint8_t channel, const std::string& text) {
  while (data_[channel].find(text) == std::string::npos) {
    if (!ReadMessage()) return false;
  }
  return true;
}

void ChannelClient::SendRaw(absl::string_view message) {
  error_code error;
  impl_->socket.write(asio::buffer(message.data(), message.size()), error);
}

void ChannelClient::SendInFrames(absl::string_view message, size_t bytes) {
  error_code error;
  while (!message.empty()) {
    const absl::string_view frame = message.substr(0, bytes);
    message.remove_prefix(frame.size());
    impl_->socket.write_some(message.empty(), asio::buffer(frame.data(), frame.size()), error);
  }
}

void ChannelClient::Close() {
  error_code error;
  impl_->socket.close(websocket::close_code::normal, error);
}

void ChannelClient::Ping() {
  error_code error;
  impl_->socket.ping("crisp", error);
}

bool ChannelClient::ReadMessage() {
  beast::flat_buffer buffer;
  error_code error;
  impl_->socket.read(buffer, error);
  if (error) return false;
  const std::string message(static_cast<const char*>(buffer.data().data()), buffer.size());
  impl_->socket.got_text() ? ++texts_ : ++binaries_;
  if (message.empty()) return true;
  if (!in_base64()) {
    data_[static_cast<uint8_t>(message[0])] += message.substr(1);
    return true;
  }
  std::string bytes;
  if (!absl::Base64Unescape(message.substr(1), &bytes)) return false;
  data_[static_cast<uint8_t>(message[0] - '0')] += bytes;
  return true;
}

bool ChannelClient::ReadUntilClosed() {
  while (ReadMessage()) continue;
  return close_code() == 1000;
}

int ChannelClient::close_code() const {
  return impl_->socket.reason().code;
}

void ChannelClient::Drop() {
  error_code error;
  impl_->socket.next_layer().close(error);
}

}  // namespace crisp
