#include "streaming/forward_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "streaming/stream_pump.h"

namespace crisp {
namespace {

// The limit of bytes that wait for the programs in the pod. Without window updates SPDY cannot hold back a single
// stream, so beyond this limit the whole client connection is not read.
constexpr size_t kMostQueued = 4 << 20;

// While the limit is reached, a program that reads nothing for this time loses its connection.
constexpr std::chrono::seconds kStuck{30};

constexpr size_t kReadAtOnce = 64 << 10;
constexpr size_t kMostRequestId = 64;  // bytes; real ones are decimal numbers

struct StreamLabel {
  bool is_data = false;
  uint16_t port = 0;
  std::string request;
};

// Empty if the headers do not describe a stream of a connection.
std::optional<StreamLabel> LabelOf(uint32_t stream, const SpdyHeaders& headers) {
  StreamLabel label;
  const absl::string_view type = FindHeader(headers, "streamtype");
  if (type != "data" && type != "error") return std::nullopt;
  label.is_data = type == "data";
  uint32_t port = 0;
  if (!absl::SimpleAtoi(FindHeader(headers, "port"), &port) || port < 1 || port > UINT16_MAX) return std::nullopt;
  label.port = static_cast<uint16_t>(port);
  label.request = std::string(FindHeader(headers, "requestid"));
  if (label.request.size() > kMostRequestId) return std::nullopt;
  // Old clients send no request id, and open the data stream right after the error stream.
  if (label.request.empty()) label.request = absl::StrCat("stream ", label.is_data ? stream - 2 : stream);
  return label;
}

}  // namespace

// One TCP connection to a port of the pod.
class ForwardSession::Forward final : public PipeReader::Target {
 public:
  Forward(ForwardSession* session, std::string request_id, uint16_t to_port)
      : request(std::move(request_id)),
        port(to_port),
        session_(session),
        to_pod_([this] { session_->connection_.Resume(); }),
        timer_(session->context_.loop) {
    timer_.Start(session->context_.patience, [this] { End(); });
  }

  const std::string request;
  const uint16_t port;
  uint32_t data = 0;  // stream ids; 0: not open yet
  uint32_t error = 0;

  size_t queued() const { return to_pod_.queued(); }
  uint64_t written() const { return to_pod_.written(); }

  void Dial() {
    const StreamContext& context = session_->context_;
    timer_.Start(context.dial_patience,
                 [this] { OnDialed(absl::DeadlineExceededError("nobody has accepted the connection in time")); });
    context.calls->Run([target = context.target, loop = context.loop, pod = session_->pod_id_, port = port,
                        weak = std::weak_ptr<char>(alive_), this] {
      if (weak.expired()) return;
      auto begun = std::make_shared<absl::StatusOr<LoopbackDial>>(target->Dial(pod, port));
      loop->Post(weak, [begun, this] {
        if (!begun->ok()) return OnDialed(begun->status());
        dial_.emplace(*std::move(*begun));
        Connect();
      });
    });
  }

  void FromClient(absl::string_view bytes) {
    to_pod_.Write(bytes);
    if (from_pod_ended_ && to_pod_.broken()) Break();
  }

  void ClientEnded() {
    to_pod_.End([this] {
      if (socket_ != nullptr) shutdown(socket_->get(), SHUT_WR);
      to_pod_ended_ = true;
      if (from_pod_ended_) End();
    });
  }

  // A reset tells the client that the connection broke.
  void Break() {
    session_->connection_.Reset(data, SpdyReset::kCancel);
    End();
  }

  void End() {
    session_->connection_.End(error);
    session_->connection_.End(data);
    session_->Remove(this);
  }

 private:
  void Connect() {
    dial_wait_.reset();
    const absl::StatusOr<bool> connected = dial_->Step();
    if (!connected.ok()) return OnDialed(connected.status());
    if (*connected) return OnDialed(dial_->Take());
    dial_wait_.emplace(session_->context_.loop, dial_->socket());
    dial_wait_->WhenWritable([this] { Connect(); });
  }

  void OnDialed(absl::StatusOr<Fd> dialed) {
    timer_.Cancel();
    dial_wait_.reset();
    dial_.reset();
    if (!dialed.ok()) {
      const absl::Status status =
          Annotate(dialed.status(), absl::StrCat("forward to port ", port, " of pod ", session_->pod_id_));
      session_->connection_.End(error, std::string(status.message()));
      session_->connection_.Reset(data, SpdyReset::kCancel);
      return End();
    }
    socket_ = std::make_shared<PumpedFd>(session_->context_.loop, *std::move(dialed));
    from_pod_.emplace(session_->context_.loop, session_->context_.blocks, socket_, kReadAtOnce, this);
    from_pod_->Start();
    to_pod_.Open(socket_);
  }

  void OnPiece(absl::string_view bytes, std::function<void()> sent) override {
    session_->connection_.Send(data, bytes, std::move(sent));
  }

  void OnPipeEnd(int failure) override {
    from_pod_ended_ = true;
    if (failure != 0 || to_pod_.broken()) return Break();
    session_->connection_.End(data);
    if (to_pod_ended_) End();
  }

  ForwardSession* const session_;
  std::optional<LoopbackDial> dial_;
  std::optional<FdWait> dial_wait_;
  std::shared_ptr<PumpedFd> socket_;
  PipeWriter to_pod_;
  std::optional<PipeReader> from_pod_;
  bool to_pod_ended_ = false;
  bool from_pod_ended_ = false;
  StreamTimer timer_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

ForwardSession::ForwardSession(const StreamContext& context, std::string pod_id, ByteStream* bytes,
                               std::function<void()> over)
    : context_(context),
      pod_id_(std::move(pod_id)),
      over_(std::move(over)),
      connection_(context.loop, bytes, kMostStreams, this),
      stuck_timer_(context.loop) {}

ForwardSession::~ForwardSession() = default;

bool ForwardSession::OnStream(uint32_t stream, const SpdyHeaders& headers) {
  const auto label = LabelOf(stream, headers);
  if (!label.has_value()) return false;
  std::unique_ptr<Forward>& forward = forwards_[label->request];
  if (forward == nullptr) forward = std::make_unique<Forward>(this, label->request, label->port);
  uint32_t& place = label->is_data ? forward->data : forward->error;
  if (place != 0 || forward->port != label->port) return false;
  place = stream;
  by_stream_[stream] = forward.get();
  if (forward->data != 0 && forward->error != 0) forward->Dial();
  return true;
}

ForwardSession::Forward* ForwardSession::OfDataStream(uint32_t stream) const {
  const auto found = by_stream_.find(stream);
  return found == by_stream_.end() || found->second->data != stream ? nullptr : found->second;
}

void ForwardSession::OnStreamData(uint32_t stream, absl::string_view bytes) {
  if (Forward* forward = OfDataStream(stream)) forward->FromClient(bytes);
  if (!MayRead()) WatchForStuck();
}

void ForwardSession::OnStreamEnd(uint32_t stream) {
  if (Forward* forward = OfDataStream(stream)) forward->ClientEnded();
}

void ForwardSession::OnStreamReset(uint32_t stream) {
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  Forward* const forward = found->second;
  // The connection works on without an error stream.
  if (stream == forward->data || forward->data == 0) forward->End();
}

bool ForwardSession::MayRead() const {
  size_t queued = 0;
  for (const auto& [request, forward] : forwards_) queued += forward->queued();
  return queued < kMostQueued;
}

void ForwardSession::OnGone(absl::string_view why) {
  LogDebug("port-forward ends", {{"pod_id", pod_id_}, {"reason", why}});
  over_();
}

// Destroyed later, since the connection itself may be the caller.
void ForwardSession::Remove(Forward* forward) {
  const auto found = forwards_.find(forward->request);
  if (found == forwards_.end() || found->second.get() != forward) return;
  by_stream_.erase(forward->data);
  by_stream_.erase(forward->error);
  removed_.push_back(std::move(found->second));
  forwards_.erase(found);
  context_.loop->Post(alive_, [this] { removed_.clear(); });
  connection_.Resume();
}

void ForwardSession::WatchForStuck() {
  if (watching_) return;
  const auto fullest = std::max_element(forwards_.begin(), forwards_.end(), [](const auto& a, const auto& b) {
    return a.second->queued() < b.second->queued();
  });
  if (fullest == forwards_.end()) return;
  watching_ = true;
  stuck_timer_.Start(kStuck, [this, request = fullest->first, written = fullest->second->written()] {
    watching_ = false;
    if (MayRead()) return;
    const auto stuck = forwards_.find(request);
    if (stuck != forwards_.end() && stuck->second->written() == written) stuck->second->Break();
    if (!MayRead()) WatchForStuck();
  });
}

}  // namespace crisp
