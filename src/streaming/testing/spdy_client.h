// For tests: clients of the streaming server, over real sockets. Blocking; for one thread each.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "os/fd.h"
#include "streaming/spdy_frame.h"
#include "streaming/spdy_headers.h"

namespace crisp {

// A connection as bytes: TCP, TLS or a WebSocket.
class ClientBytes {
 public:
  virtual ~ClientBytes() = default;
  virtual void Write(absl::string_view bytes) = 0;
  // Empty at the end, or when nothing came in time.
  virtual std::string Read(std::chrono::milliseconds limit) = 0;
  // At once, with a reset for the peer if `abruptly`.
  virtual void Drop(bool abruptly) = 0;
  virtual int socket() = 0;
};

struct UrlParts {
  bool tls = false;
  std::string host;
  uint16_t port = 0;
  std::string path;
};
UrlParts SplitUrl(const std::string& url);

Fd ConnectTcp(const UrlParts& url);
std::unique_ptr<ClientBytes> ConnectBytes(const UrlParts& url);
// Of a URL of a port-forward: SPDY in the messages of a WebSocket.
std::unique_ptr<ClientBytes> ConnectTunnel(const std::string& url);

// Sends a request as it stands and returns all that is answered until the server closes.
std::string Ask(const std::string& url, const std::string& request);
// The request of an upgrade to SPDY.
std::string SpdyRequest(const std::string& url, const std::vector<std::string>& protocols);

class SpdyClient final : private SpdyFrameReader::Events {
 public:
  struct Stream {
    std::string data;
    bool replied = false;
    bool ended = false;
    uint32_t reset = 0;  // the reason
  };
  static constexpr std::chrono::seconds kLimit{20};

  // Upgrades; `answer` is the head of the server's answer.
  static std::unique_ptr<SpdyClient> Connect(const std::string& url, const std::vector<std::string>& protocols);
  explicit SpdyClient(std::unique_ptr<ClientBytes> bytes) : bytes_(std::move(bytes)) {}

  const std::string& answer() const { return answer_; }
  ClientBytes& bytes() { return *bytes_; }

  // Does not wait for the reply.
  uint32_t Open(const SpdyHeaders& headers, uint8_t flags = 0);
  void OpenAs(uint32_t stream, const SpdyHeaders& headers, uint8_t flags = 0);
  uint32_t OpenChannel(const std::string& type) { return Open({{"streamtype", type}}); }
  void Send(uint32_t stream, absl::string_view data, bool last = false);
  void End(uint32_t stream) { Send(stream, "", true); }
  void Raw(absl::string_view bytes) { bytes_->Write(bytes); }

  // Reads frames until `holds` is true, the server closes, or time is over. Whether it holds.
  bool ReadUntil(const std::function<bool()>& holds, std::chrono::milliseconds limit = kLimit);
  bool ReadUntilClosed(std::chrono::milliseconds limit = kLimit) {
    return ReadUntil([this] { return closed_; }, limit);
  }
  // Whatever is there.
  bool ReadOnce(std::chrono::milliseconds limit);

  Stream& stream(uint32_t id) { return streams_[id]; }
  bool closed() const { return closed_; }
  bool goaway() const { return goaway_; }
  uint32_t goaway_reason() const { return goaway_reason_; }
  const std::vector<uint32_t>& pings() const { return pings_; }
  // Counts data and does not keep it.
  void KeepNoData() { keep_data_ = false; }
  uint64_t data_bytes() const { return data_bytes_; }

 private:
  absl::Status OnSpdyData(uint32_t stream, absl::string_view part, bool last) override;
  absl::Status OnSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) override;

  std::unique_ptr<ClientBytes> bytes_;
  std::string answer_;
  SpdyFrameReader reader_;
  SpdyHeaderInflater inflater_;
  SpdyHeaderDeflater deflater_;
  std::map<uint32_t, Stream> streams_;
  uint32_t next_stream_ = 1;
  std::vector<uint32_t> pings_;
  bool closed_ = false;
  bool goaway_ = false;
  uint32_t goaway_reason_ = 0;
  bool keep_data_ = true;
  uint64_t data_bytes_ = 0;
};

// What the protocols of WebSockets say in channels, with Boost.Beast's client.
class ChannelClient {
 public:
  static std::unique_ptr<ChannelClient> Connect(const std::string& url, const std::string& protocol);
  ~ChannelClient();

  const std::string& protocol() const;  // that the server chose
  void Send(uint8_t channel, absl::string_view data);
  void SendRaw(absl::string_view message);
  // One message in frames of so many bytes.
  void SendInFrames(absl::string_view message, size_t bytes);
  void Ping();
  // One message more. False when the server has closed.
  bool ReadMessage();
  bool ReadUntilClosed();
  // 1000 if the server said goodbye.
  int close_code() const;
  std::string& data(uint8_t channel) { return data_[channel]; }
  void Drop();
  // Says goodbye and waits for the server's.
  void Close();

 private:
  class Impl;
  ChannelClient();
  std::unique_ptr<Impl> impl_;
  std::map<uint8_t, std::string> data_;
};

}  // namespace crisp
