// ForwardSession: one port-forward: connections of a client's, each to a port of a pod, over one SPDY connection.
//
// For each connection the client opens two streams with the headers "port" and "requestid", which pairs them, and
// "streamtype": "error", on which it hears why a connection could not be made, and "data". Connections are apart from
// each other: one that breaks, or cannot be made, ends alone.
//
// For the thread of the StreamLoop. It owns all that it uses; destroying it closes every connection.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streaming/byte_stream.h"
#include "streaming/spdy_connection.h"
#include "streaming/stream_context.h"

namespace crisp {

class ForwardSession final : private SpdyConnection::Owner {
 public:
  // Two for each connection.
  static constexpr size_t kMostStreams = 1000;

  // `bytes` outlives it. `over` is called once, when the session may be destroyed; not from inside a call.
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
  void WatchForStuck();

  const StreamContext context_;
  const std::string pod_id_;
  const std::function<void()> over_;
  SpdyConnection connection_;
  std::map<std::string, std::unique_ptr<Forward>> forwards_;  // by request id
  std::map<uint32_t, Forward*> by_stream_;                    // both streams of each
  std::vector<std::unique_ptr<Forward>> removed_;
  StreamTimer stuck_timer_;
  bool watching_ = false;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
