// ChannelForwardSession: one port-forward over the channels of a WebSocket (v4.channel.k8s.io and its kin): one TCP
// connection to each port that was asked for.
//
// Port number i has channel 2i, which carries data, and channel 2i+1, which carries the text of a failure. The first
// message on each of both holds the port, as a 16-bit number, little endian. The protocol has no message for the end of
// a single connection: the client sees the failure's text if there is one, and the session ends with the last
// connection.
//
// Threading: the StreamLoop's thread only. It owns all its parts; the destructor closes every connection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "streaming/channel_socket.h"
#include "streaming/pod_connection.h"
#include "streaming/stream_context.h"

namespace crisp {

class ChannelForwardSession final : private ChannelSocket::Owner {
 public:
  // The most ports that the channels of a coding suffice for.
  static size_t MostPorts(ChannelCoding coding);

  // `socket` and its `bytes` must outlive it. Calls `over` once, when the session may be destroyed, but never from
  // inside a method.
  ChannelForwardSession(const StreamContext& context, std::string pod_id, const std::vector<uint16_t>& ports,
                        WebSocket* socket, ByteStream* bytes, ChannelCoding coding, std::function<void()> over);
  ~ChannelForwardSession() override;
  ChannelForwardSession(const ChannelForwardSession&) = delete;
  ChannelForwardSession& operator=(const ChannelForwardSession&) = delete;

  void Start();

 private:
  class Port;

  void OnChannelBytes(uint8_t channel, absl::string_view bytes) override;
  void OnChannelClosed(uint8_t) override {}
  bool MayRead() const override { return pods_.MayRead(); }
  void OnGone(absl::string_view why) override;
  void OnPortOver();

  const StreamContext context_;
  const std::string pod_id_;
  const std::function<void()> over_;
  ChannelSocket socket_;
  PodConnections pods_;
  std::vector<std::unique_ptr<Port>> ports_;
  size_t open_ = 0;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
