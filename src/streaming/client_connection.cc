#include "streaming/client_connection.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace crisp {
namespace {

// In the order of preference; a client that offers none of them is sent this list.
const std::vector<std::string>& KnownProtocols(StreamKind kind, UpgradeKind upgrade) {
  static const auto& spdy =
      *new std::vector<std::string>{"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"};
  static const auto& web_socket = *new std::vector<std::string>{
      "v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"};
  static const auto& forward = *new std::vector<std::string>{"portforward.k8s.io"};
  static const auto& tunnel = *new std::vector<std::string>{"SPDY/3.1+portforward.k8s.io"};
  if (kind == StreamKind::kPortForward) return upgrade == UpgradeKind::kWebSocket ? tunnel : forward;
  return upgrade == UpgradeKind::kWebSocket ? web_socket : spdy;
}

// The number of a protocol: 4 for "v4.channel.k8s.io", 1 for the first one, which has no number.
int VersionOf(absl::string_view protocol) {
  return protocol.size() > 1 && protocol[0] == 'v' ? protocol[1] - '0' : 1;
}

struct Path {
  StreamKind kind;
  std::string token;
};

std::optional<Path> ParsePath(absl::string_view target) {
  constexpr std::pair<absl::string_view, StreamKind> kPaths[] = {
      {"/exec/", StreamKind::kExec}, {"/attach/", StreamKind::kAttach}, {"/portforward/", StreamKind::kPortForward}};
  target = target.substr(0, target.find('?'));
  for (const auto& [prefix, kind] : kPaths) {
    if (absl::StartsWith(target, prefix)) return Path{kind, std::string(target.substr(prefix.size()))};
  }
  return std::nullopt;
}

CommandChannels ChannelsOf(const StreamRequest& request) {
  return {request.streams.input, request.streams.output, request.streams.error_output && !request.streams.terminal,
          request.streams.terminal};
}

}  // namespace

ClientConnection::ClientConnection(const StreamContext& context, TokenTable* tokens,
                                   std::chrono::nanoseconds idle_timeout, std::unique_ptr<ByteStream> bytes,
                                   std::shared_ptr<const void> unauthenticated, std::function<void()> over)
    : context_(context),
      unauthenticated_(std::move(unauthenticated)),
      tokens_(tokens),
      idle_timeout_(idle_timeout),
      over_(std::move(over)),
      bytes_(std::move(bytes)),
      silence_(context.loop, bytes_->socket(), context.silence, [this] { Over(); }),
      request_timer_(context.loop),
      idle_timer_(context.loop) {}

void ClientConnection::Start() {
  request_timer_.Start(context_.patience, [this] { Over(); });
  WatchIdle();
  ReadRequest();
}

void ClientConnection::ReadRequest() {
  bytes_->Read(buffer_, sizeof(buffer_), [this](size_t got) {
    if (got == 0) return Over();
    const auto whole = reader_.Feed(absl::string_view(buffer_, got));
    if (!whole.ok()) return Refuse(400, "Bad Request", std::string(whole.status().message()));
    if (!*whole) return ReadRequest();
    OnRequest();
  });
}

void ClientConnection::OnRequest() {
  request_timer_.Cancel();
  request_ = reader_.TakeRequest();
  if (request_.method != "GET" && request_.method != "POST") {
    return Refuse(405, "Method Not Allowed", "a stream is opened by GET or POST", "Allow: GET, POST\r\n");
  }
  const auto path = ParsePath(request_.target);
  if (!path.has_value()) return Refuse(404, "Not Found", "there are /exec/, /attach/ and /portforward/ only");
  auto ticket = tokens_->Redeem(path->kind, path->token);
  if (!ticket.has_value()) {
    return Refuse(404, "Not Found", "no such token; each opens one stream, within a minute");
  }
  unauthenticated_ = nullptr;
  Upgrade(*std::move(ticket));
}

void ClientConnection::Upgrade(StreamTicket ticket) {
  ticket_ = std::move(ticket);
  const UpgradeKind kind = KindOf(request_);
  if (kind == UpgradeKind::kNone) {
    return Refuse(400, "Bad Request", "a stream needs \"Connection: Upgrade\" and \"Upgrade: SPDY/3.1\" or websocket");
  }
  const std::vector<std::string>& known = KnownProtocols(ticket_.kind, kind);
  const std::vector<std::string> offered = OfferedProtocols(request_, kind);
  const std::string protocol = ChooseProtocol(offered, known);
  // A WebSocket client that names no protocol speaks the first version.
  const bool unnamed = offered.empty() && kind == UpgradeKind::kWebSocket && ticket_.kind != StreamKind::kPortForward;
  if (protocol.empty() && !unnamed) {
    std::string accepted;
    for (const std::string& name : known)
      absl::StrAppend(&accepted, "X-Accepted-Stream-Protocol-Versions: ", name, "\r\n");
    return Refuse(403, "Forbidden",
                  absl::StrCat("none of the protocols that the client offers (", absl::StrJoin(offered, ", "),
                               ") is one of ", absl::StrJoin(known, ", ")),
                  accepted);
  }
  kind == UpgradeKind::kSpdy ? UpgradeToSpdy(protocol) : UpgradeToWebSocket(protocol);
}

void ClientConnection::UpgradeToSpdy(const std::string& protocol) {
  answer_ = SpdyAnswer(protocol);
  bytes_->Write({answer_}, [this, protocol](bool well) {
    if (!well) return Over();
    StartSession(protocol, reader_.TakeRest());
  });
}

void ClientConnection::UpgradeToWebSocket(const std::string& protocol) {
  if (!reader_.TakeRest().empty()) {
    return Refuse(400, "Bad Request", "a client of a WebSocket waits for the answer before it goes on");
  }
  web_socket_ = std::make_unique<WebSocket>(context_.loop, bytes_.get());
  web_socket_->Accept(request_, protocol, [this, protocol](bool well) {
    if (!well) return Over();
    StartSession(protocol, "");
  });
}

void ClientConnection::StartSession(const std::string& protocol, std::string already_read) {
  if (ticket_.kind == StreamKind::kPortForward) {
    if (web_socket_ != nullptr) tunnel_ = MakeTunnel(web_socket_.get(), bytes_.get());
    ByteStream* const bytes = tunnel_ != nullptr ? tunnel_.get() : bytes_.get();
    forward_.emplace(context_, ticket_.pod_id, bytes, [this] { Over(); });
    return forward_->Start(already_read);
  }
  const CommandChannels channels = ChannelsOf(ticket_.request);
  const int version = VersionOf(protocol);
  command_.emplace(context_, ticket_.request, ticket_.kind == StreamKind::kAttach, [this] { Over(); });
  command_->Start([&](CommandWire::Owner* owner) {
    if (web_socket_ != nullptr) {
      return MakeWebSocketWire(context_.loop, web_socket_.get(), bytes_.get(), version, channels, owner);
    }
    return MakeSpdyWire(context_.loop, bytes_.get(), std::move(already_read), version, channels, owner);
  });
}

// A refused client gets a short time to read the reason, whatever it sends meanwhile.
void ClientConnection::Refuse(int code, absl::string_view reason, absl::string_view text, absl::string_view headers) {
  request_timer_.Start(std::min<std::chrono::nanoseconds>(context_.patience, LingeringClose::kPatience),
                       [this] { Over(); });
  answer_ = ErrorAnswer(code, reason, text, headers);
  bytes_->Write({answer_}, [this](bool well) {
    if (!well) return Over();
    bytes_->ShutdownWrite();
    lingering_close_.emplace(context_.loop, bytes_.get(), [this] { Over(); });
    DropRest();
  });
}

void ClientConnection::DropRest() {
  bytes_->Read(buffer_, sizeof(buffer_), [this](size_t got) { got > 0 ? DropRest() : Over(); });
}

void ClientConnection::WatchIdle() {
  if (idle_timeout_ == idle_timeout_.zero()) return;
  const auto left = bytes_->last_activity() + idle_timeout_ - MonoClock::now();
  if (left <= left.zero()) return Over();
  idle_timer_.Start(left, [this] { WatchIdle(); });
}

void ClientConnection::Over() {
  if (!std::exchange(is_over_, true)) over_();
}

}  // namespace crisp
