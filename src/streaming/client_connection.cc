#include "streaming/client_connection.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

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
                                   std::function<bool()> admit, std::function<void()> over)
    : context_(context),
      tokens_(tokens),
      idle_timeout_(idle_timeout),
      admit_(std::move(admit)),
      over_(std::move(over)),
      bytes_(std::move(bytes)),
      silence_(context.loop, bytes_->socket(), context.silence, [this] { Over(); }),
      request_timer_(context.loop),
      idle_timer_(context.loop) {}

void ClientConnection::Start() {
  request_timer_.Start(context_.request_patience, [this] { Over(); });
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
    context_.counters->refused_tokens.Add();
    return Refuse(404, "Not Found", "no such token; each opens one stream, within a minute");
  }
  if (!admit_()) return Refuse(503, "Service Unavailable", "too many streams are open; close some");
  Upgrade(*std::move(ticket));
}

void ClientConnection::Upgrade(StreamTicket ticket) {
  ticket_ = std::move(ticket);
  const UpgradeKind kind = KindOf(request_);
  if (kind == UpgradeKind::kNone) {
    return Refuse(400, "Bad Request", "a stream needs \"Connection: Upgrade\" and \"Upgrade: SPDY/3.1\" or websocket");
  }
  const std::vector<StreamProtocol>& known = KnownProtocols(ticket_.kind, kind);
  const std::vector<std::string> offered = OfferedProtocols(request_, kind);
  const StreamProtocol* const chosen = ChooseProtocol(known, offered);
  if (chosen == nullptr) return RefuseProtocols(offered, known);
  protocol_ = *chosen;
  if (kind == UpgradeKind::kSpdy) return UpgradeToSpdy();
  if (const absl::Status ports = FindPorts(); !ports.ok()) {
    return Refuse(400, "Bad Request", std::string(ports.message()));
  }
  UpgradeToWebSocket();
}

void ClientConnection::RefuseProtocols(const std::vector<std::string>& offered,
                                       const std::vector<StreamProtocol>& known) {
  std::vector<std::string> names;
  std::string accepted;
  for (const StreamProtocol& one : known) {
    if (one.name.empty()) continue;
    names.push_back(one.name);
    absl::StrAppend(&accepted, "X-Accepted-Stream-Protocol-Versions: ", one.name, "\r\n");
  }
  Refuse(403, "Forbidden",
         absl::StrCat("none of the protocols that the client offers (", absl::StrJoin(offered, ", "), ") is one of ",
                      absl::StrJoin(names, ", ")),
         accepted);
}

// A port-forward over channels needs its ports before it begins. Those of the request for the token, which the kubelet
// makes from its own client's query, come before those of this connection's query.
absl::Status ClientConnection::FindPorts() {
  if (ticket_.kind != StreamKind::kPortForward || protocol_.tunnels_spdy) return absl::OkStatus();
  if (ticket_.ports.empty()) {
    ASSIGN_OR_RETURN(ticket_.ports, PortsOf(request_.target));
  }
  if (ticket_.ports.empty()) {
    return absl::InvalidArgumentError("name the ports in the query, as ?port=80, or in the call of PortForward");
  }
  const size_t most = ChannelForwardSession::MostPorts(protocol_.coding);
  if (ticket_.ports.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(ticket_.ports.size(), " ports are more than the protocol has channels for; ask for at most ", most));
}

void ClientConnection::UpgradeToSpdy() {
  answer_ = SpdyAnswer(protocol_.name);
  bytes_->Write({answer_}, [this](bool well) {
    if (!well) return Over();
    StartSession(reader_.TakeRest());
  });
}

void ClientConnection::UpgradeToWebSocket() {
  if (!reader_.TakeRest().empty()) {
    return Refuse(400, "Bad Request", "a client of a WebSocket waits for the answer before it goes on");
  }
  web_socket_ = std::make_unique<WebSocket>(context_.loop, bytes_.get());
  web_socket_->Accept(request_, protocol_.name, [this](bool well) {
    if (!well) return Over();
    StartSession("");
  });
}

// For StreamKindCounters::sessions. Not what the client has sent: one of the known protocols.
std::string ClientConnection::ProtocolLabel() const {
  if (web_socket_ == nullptr) return "spdy";
  return protocol_.name.empty() ? "none" : protocol_.name;
}

void ClientConnection::StartSession(std::string already_read) {
  StreamContext context = context_;
  context.kind = &context.counters->kinds[static_cast<size_t>(ticket_.kind)];
  session_.emplace(&context.kind->sessions.Of(ProtocolLabel()));
  if (ticket_.kind == StreamKind::kPortForward) return StartForward(context, already_read);
  StartCommand(context, std::move(already_read));
}

void ClientConnection::StartCommand(const StreamContext& context, std::string already_read) {
  const CommandChannels channels = ChannelsOf(ticket_.request);
  command_.emplace(context, ticket_.request, ticket_.kind == StreamKind::kAttach, [this] { Over(); });
  command_->Start([&](CommandWire::Owner* owner) {
    if (web_socket_ != nullptr) {
      return MakeWebSocketWire(context_.loop, web_socket_.get(), bytes_.get(), protocol_.version, protocol_.coding,
                               channels, owner);
    }
    return MakeSpdyWire(context_.loop, bytes_.get(), std::move(already_read), protocol_.version, channels, owner);
  });
}

void ClientConnection::StartForward(const StreamContext& context, absl::string_view already_read) {
  if (web_socket_ != nullptr && !protocol_.tunnels_spdy) {
    channel_forward_.emplace(context, ticket_.pod_id, ticket_.ports, web_socket_.get(), bytes_.get(), protocol_.coding,
                             [this] { Over(); });
    return channel_forward_->Start();
  }
  if (web_socket_ != nullptr) tunnel_ = MakeTunnel(web_socket_.get(), bytes_.get());
  ByteStream* const bytes = tunnel_ != nullptr ? tunnel_.get() : bytes_.get();
  forward_.emplace(context, ticket_.pod_id, bytes, [this] { Over(); });
  forward_->Start(already_read);
}

// A refused client gets a short time to read the reason, whatever it sends meanwhile.
void ClientConnection::Refuse(int code, absl::string_view reason, absl::string_view text, absl::string_view headers) {
  request_timer_.Start(std::min<std::chrono::nanoseconds>(context_.request_patience, LingeringClose::kPatience),
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
