#include "streaming/testing/spdy_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

void Reset(int socket, bool abruptly) {
  const linger at_once = {1, 0};
  if (abruptly) setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

class TcpBytes final : public ClientBytes {
 public:
  explicit TcpBytes(Fd fd) : fd_(std::move(fd)) {}

  void Write(absl::string_view bytes) override {
    while (!bytes.empty() && fd_.valid()) {
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  std::string Read(std::chrono::milliseconds limit) override {
    pollfd wait = {fd_.get(), POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return "";
    const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    return got > 0 ? buffer_.substr(0, static_cast<size_t>(got)) : "";
  }
  void Drop(bool abruptly) override {
    Reset(fd_.get(), abruptly);
    fd_.reset();
  }
  int socket() override { return fd_.get(); }

 private:
  Fd fd_;
  std::string buffer_ = std::string(1 << 20, '\0');
};

class TlsBytes final : public ClientBytes {
 public:
  explicit TlsBytes(Fd fd) : fd_(std::move(fd)), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
    SSL_set_fd(ssl_, fd_.get());
    if (SSL_connect(ssl_) != 1) abort();
  }
  ~TlsBytes() override {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  void Write(absl::string_view bytes) override {
    if (!bytes.empty()) SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string Read(std::chrono::milliseconds limit) override {
    pollfd wait = {fd_.get(), POLLIN, 0};
    if (SSL_pending(ssl_) == 0 && poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return "";
    std::string buffer(64 << 10, '\0');
    const int got = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    return got > 0 ? buffer.substr(0, static_cast<size_t>(got)) : "";
  }
  void Drop(bool abruptly) override {
    Reset(fd_.get(), abruptly);
    fd_.reset();
  }
  int socket() override { return fd_.get(); }

 private:
  Fd fd_;
  SSL_CTX* const context_;
  SSL* const ssl_;
};

}  // namespace

UrlParts SplitUrl(const std::string& url) {
  UrlParts parts;
  parts.tls = absl::StartsWith(url, "https://");
  const size_t host = parts.tls ? 8 : 7;
  const size_t path = url.find('/', host);
  const size_t colon = url.rfind(':', path);
  parts.host = url.substr(host, colon - host);
  uint32_t port = 0;
  if (!absl::SimpleAtoi(url.substr(colon + 1, path - colon - 1), &port)) abort();
  parts.port = static_cast<uint16_t>(port);
  parts.path = url.substr(path);
  return parts;
}

Fd ConnectTcp(const UrlParts& url) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(url.port);
  if (inet_pton(AF_INET, url.host.c_str(), &address.sin_addr) != 1) abort();
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fd.reset();
  return fd;
}

std::unique_ptr<ClientBytes> ConnectBytes(const UrlParts& url) {
  if (url.tls) return std::make_unique<TlsBytes>(ConnectTcp(url));
  return std::make_unique<TcpBytes>(ConnectTcp(url));
}

std::string Ask(const std::string& url, const std::string& request) {
  const auto bytes = ConnectBytes(SplitUrl(url));
  bytes->Write(request);
  std::string answer;
  for (std::string more = bytes->Read(SpdyClient::kLimit); !more.empty(); more = bytes->Read(SpdyClient::kLimit)) {
    answer += more;
  }
  return answer;
}

std::string SpdyRequest(const std::string& url, const std::vector<std::string>& protocols) {
  std::string request = absl::StrCat("POST ", SplitUrl(url).path,
                                     " HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: Upgrade\r\n"
                                     "Upgrade: SPDY/3.1\r\n");
  for (const auto& protocol : protocols) absl::StrAppend(&request, "X-Stream-Protocol-Version: ", protocol, "\r\n");
  return request + "\r\n";
}

std::unique_ptr<SpdyClient> SpdyClient::Connect(const std::string& url, const std::vector<std::string>& protocols) {
  auto client = std::make_unique<SpdyClient>(ConnectBytes(SplitUrl(url)));
  client->bytes_->Write(SpdyRequest(url, protocols));
  while (client->answer_.find("\r\n\r\n") == std::string::npos) {
    const std::string more = client->bytes_->Read(kLimit);
    if (more.empty()) return client;
    client->answer_ += more;
  }
  return client;
}

uint32_t SpdyClient::Open(const SpdyHeaders& headers, uint8_t flags) {
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  OpenAs(stream, headers, flags);
  return stream;
}

void SpdyClient::OpenAs(uint32_t stream, const SpdyHeaders& headers, uint8_t flags) {
  bytes_->Write(EncodeSynStream(stream, flags, deflater_.Write(headers)));
}

void SpdyClient::Send(uint32_t stream, absl::string_view data, bool last) {
  const auto head = EncodeSpdyDataHeader(stream, last ? kSpdyFin : 0, static_cast<uint32_t>(data.size()));
  bytes_->Write(absl::StrCat(absl::string_view(head.data(), head.size()), data));
}

bool SpdyClient::ReadOnce(std::chrono::milliseconds limit) {
  const std::string bytes = bytes_->Read(limit);
  if (!bytes.empty() && !reader_.Feed(bytes, this).ok()) abort();
  return !bytes.empty();
}

bool SpdyClient::ReadUntil(const std::function<bool()>& holds, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (closed_ || left.count() <= 0) return false;
    // After the limit, the next turn ends the loop.
    if (!ReadOnce(left) && std::chrono::steady_clock::now() < until) closed_ = true;
  }
  return true;
}

absl::Status SpdyClient::OnSpdyData(uint32_t stream, absl::string_view part, bool last) {
  data_bytes_ += part.size();
  if (keep_data_) streams_[stream].data.append(part.data(), part.size());
  if (last) streams_[stream].ended = true;
  return absl::OkStatus();
}

absl::Status SpdyClient::OnSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) {
  const auto word = [payload](size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(payload[i]);
    return value;
  };
  switch (type) {
    case SpdyType::kSynReply: {
      const auto reply = ParseStreamHeaders(payload);
      if (!reply.ok() || !inflater_.Read(reply->block).ok()) return absl::InternalError("bad reply");
      streams_[reply->stream].replied = true;
      if ((flags & kSpdyFin) != 0) streams_[reply->stream].ended = true;
      break;
    }
    case SpdyType::kRstStream:
      streams_[*ParseRstStream(payload)].reset = word(4);
      break;
    case SpdyType::kPing:
      pings_.push_back(*ParsePing(payload));
      break;
    case SpdyType::kGoAway:
      goaway_ = true;
      goaway_reason_ = word(4);
      break;
    default:
      break;
  }
  return absl::OkStatus();
}

}  // namespace crisp
