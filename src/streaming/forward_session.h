// ForwardSession: one port-forward: any number of TCP connections to ports of a pod over one SPDY connection.
//
// For each connection the client opens two streams with the same header "requestid": one of "streamtype" error, which
// carries the text of a failure, and one of "streamtype" data. Header "port" names the port. Connections are
// independent: one that fails ends alone.
//
// Threading: the StreamLoop's thread only. It owns all its parts; the destructor closes every connection.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streaming/byte_stream.h"
#include "streaming/pod_connection.h"
#include "streaming/spdy_connection.h"
#include "streaming/stream_context.h"

namespace crisp {

class ForwardSession final : private SpdyConnection::Owner {
 public:
  // Each connection has two.
  static constexpr size_t kMostStreams = 1000;

  // `bytes` must outlive it. Calls `over` once, when the session may be destroyed, but never from inside a method.
  ForwardSession(const StreamContext& context, std::string pod_id, ByteStream* bytes, std::function<void()> over);
  ~ForwardSession() override;
  ForwardSession(const ForwardSession&) = delete;
  ForwardSession& operator=(const ForwardSession&) = delete;

  void Start(absl::string_view already_read) { connection_.Start(already_read); }

 private:
  class Forward;

  bool OnStream(uint32_t stream, const SpdyHeaders& headers) override;
  void OnStreamData(uint32_t stream, absl::string_view bytes) override;
  void OnStreamEnd(uint32_t stream) override;
  void OnStreamReset(uint32_t stream) override;
  bool MayRead() const override;
  void OnGone(absl::string_view why) override;

  Forward* OfDataStream(uint32_t stream) const;
  void Remove(Forward* forward);

  const StreamContext context_;
  const std::string pod_id_;
  const std::function<void()> over_;
  SpdyConnection connection_;
  PodConnections pods_;
  std::map<std::string, std::unique_ptr<Forward>> forwards_;  // by request id
  std::map<uint32_t, Forward*> by_stream_;                    // both streams of each
  std::vector<std::unique_ptr<Forward>> removed_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
