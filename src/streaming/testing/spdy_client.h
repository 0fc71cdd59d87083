// For tests: blocking clients of the streaming server over real sockets. Not thread-safe.
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

// A connection as a stream of bytes: TCP, TLS or a WebSocket.
class ClientBytes {
 public:
  virtual ~ClientBytes() = default;
  virtual void Write(absl::string_view bytes) = 0;
  // Empty at the end of the stream, or if nothing arrives in time.
  virtual std::string Read(std::chrono::milliseconds limit) = 0;
  // Closes at once; with a TCP reset if `abruptly`.
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
// Opens a port-forward with SPDY tunnelled in a WebSocket.
std::unique_ptr<ClientBytes> ConnectTunnel(const std::string& url);

// Sends `request` unchanged and returns the answer up to the end of the connection.
std::string Ask(const std::string& url, const std::string& request);
// The upgrade request for SPDY.
std::string SpdyRequest(const std::string& url, const std::vector<std::string>& protocols);

class SpdyClient final : private SpdyFrameReader::Events {
 public:
  struct Stream {
    std::string data;
    bool replied = false;
    bool ended = false;
    uint32_t reset = 0;  // status code of RST_STREAM
  };
  static constexpr std::chrono::seconds kLimit{20};

  // Upgrades the connection; `answer` is set to the head of the server's answer.
  static std::unique_ptr<SpdyClient> Connect(const std::string& url, const std::vector<std::string>& protocols);
  explicit SpdyClient(std::unique_ptr<ClientBytes> bytes) : bytes_(std::move(bytes)) {}

  const std::string& answer() const { return answer_; }
  ClientBytes& bytes() { return *bytes_; }

  // Does not wait for SYN_REPLY.
  uint32_t Open(const SpdyHeaders& headers, uint8_t flags = 0);
  void OpenAs(uint32_t stream, const SpdyHeaders& headers, uint8_t flags = 0);
  uint32_t OpenChannel(const std::string& type) { return Open({{"streamtype", type}}); }
  void Send(uint32_t stream, absl::string_view data, bool last = false);
  void End(uint32_t stream) { Send(stream, "", true); }
  void Raw(absl::string_view bytes) { bytes_->Write(bytes); }

  // Reads frames until `holds` is true, the server closes, or the time is over. Returns whether `holds` is true.
  bool ReadUntil(const std::function<bool()>& holds, std::chrono::milliseconds limit = kLimit);
  bool ReadUntilClosed(std::chrono::milliseconds limit = kLimit) {
    return ReadUntil([this] { return closed_; }, limit);
  }
  // Reads the frames that have arrived.
  bool ReadOnce(std::chrono::milliseconds limit);

  Stream& stream(uint32_t id) { return streams_[id]; }
  bool closed() const { return closed_; }
  bool goaway() const { return goaway_; }
  uint32_t goaway_reason() const { return goaway_reason_; }
  const std::vector<uint32_t>& pings() const { return pings_; }
  // Counts data instead of keeping it.
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

// A client of the WebSocket protocols with channels, on Boost.Beast. If the server chooses one with base64, messages
// are text in base64, both ways.
class ChannelClient {
 public:
  // `protocol` may be a list with commas, or empty.
  static std::unique_ptr<ChannelClient> Connect(const std::string& url, const std::string& protocol);
  ~ChannelClient();

  const std::string& protocol() const;  // chosen by the server
  void Send(uint8_t channel, absl::string_view data);
  void SendRaw(absl::string_view message);
  // Sends one message in frames of this size.
  void SendInFrames(absl::string_view message, size_t bytes);
  void Ping();
  // Reads one more message. False when the server has closed.
  bool ReadMessage();
  bool ReadUntilClosed();
  // The server's close code: 1000 after an orderly close.
  int close_code() const;
  std::string& data(uint8_t channel) { return data_[channel]; }
  // Reads messages until `data(channel)` has this text in it. False when the server has closed.
  bool ReadUntilData(uint8_t channel, const std::string& text);
  // Messages that were text, and that were binary.
  int texts() const { return texts_; }
  int binaries() const { return binaries_; }
  void Drop();
  // Sends a close frame and waits for the server's.
  void Close();

 private:
  class Impl;
  ChannelClient();
  bool in_base64() const { return protocol().find("base64.") != std::string::npos; }
  std::unique_ptr<Impl> impl_;
  int texts_ = 0;
  int binaries_ = 0;
  std::map<uint8_t, std::string> data_;
};

}  // namespace crisp
