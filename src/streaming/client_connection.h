// ClientConnection: one connection to the streaming server, from its request to its end. It reads the request, redeems
// its token, chooses the protocol, and passes the connection to a session.
//
// Threading: the StreamLoop's thread only. It owns the connection and its session; the destructor ends both.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "streaming/byte_stream.h"
#include "streaming/channel_forward_session.h"
#include "streaming/command_session.h"
#include "streaming/forward_session.h"
#include "streaming/stream_context.h"
#include "streaming/stream_protocol.h"
#include "streaming/token_table.h"
#include "streaming/upgrade_request.h"
#include "streaming/web_socket.h"

namespace crisp {

class ClientConnection {
 public:
  // `context` and `tokens` must outlive it. It calls `admit` once its token is redeemed; if that is false there is no
  // room for another session. It calls `over` once, when it may be destroyed, but never from inside a method.
  ClientConnection(const StreamContext& context, TokenTable* tokens, std::chrono::nanoseconds idle_timeout,
                   std::unique_ptr<ByteStream> bytes, std::function<bool()> admit, std::function<void()> over);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  void Start();

 private:
  void ReadRequest();
  void OnRequest();
  void Upgrade(StreamTicket ticket);
  void RefuseProtocols(const std::vector<std::string>& offered, const std::vector<StreamProtocol>& known);
  absl::Status FindPorts();
  void UpgradeToSpdy();
  void UpgradeToWebSocket();
  void StartSession(std::string already_read);
  void StartCommand(const StreamContext& context, std::string already_read);
  void StartForward(const StreamContext& context, absl::string_view already_read);
  std::string ProtocolLabel() const;
  void Refuse(int code, absl::string_view reason, absl::string_view text, absl::string_view headers = "");
  void DropRest();
  void WatchIdle();
  void Over();

  const StreamContext& context_;
  TokenTable* const tokens_;
  const std::chrono::nanoseconds idle_timeout_;
  const std::function<bool()> admit_;
  const std::function<void()> over_;
  bool is_over_ = false;

  // In this order: later members use earlier ones.
  const std::unique_ptr<ByteStream> bytes_;
  std::unique_ptr<WebSocket> web_socket_;
  std::unique_ptr<ByteStream> tunnel_;
  std::optional<OpenSession> session_;
  std::optional<CommandSession> command_;
  std::optional<ForwardSession> forward_;
  std::optional<ChannelForwardSession> channel_forward_;
  std::optional<LingeringClose> lingering_close_;
  SilenceWatch silence_;

  UpgradeRequestReader reader_;
  UpgradeRequest request_;
  StreamTicket ticket_;
  StreamProtocol protocol_;
  std::string answer_;
  char buffer_[4096];
  StreamTimer request_timer_;
  StreamTimer idle_timer_;
};

}  // namespace crisp
