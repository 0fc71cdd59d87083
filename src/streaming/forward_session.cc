#include "streaming/forward_session.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace crisp {
namespace {

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

// One TCP connection to a port of the pod, with its two streams.
class ForwardSession::Forward final : private PodConnection::Owner {
 public:
  Forward(ForwardSession* session, std::string request_id, uint16_t port)
      : request(std::move(request_id)),
        session_(session),
        pod_(session->context_, &session->pods_, session->pod_id_, port, this),
        timer_(session->context_.loop) {
    timer_.Start(session->context_.patience, [this] { End(); });
  }

  const std::string request;
  uint32_t data = 0;  // stream ids; 0: not open yet
  uint32_t error = 0;

  uint16_t port() const { return pod_.port(); }

  void Dial() {
    timer_.Cancel();
    pod_.Dial();
  }
  void FromClient(absl::string_view bytes) { pod_.Write(bytes); }
  void ClientEnded() { pod_.EndWrite(); }

  void End() {
    session_->connection_.End(error);
    session_->connection_.End(data);
    session_->Remove(this);
  }

 private:
  void OnDialFailed(const absl::Status& why) override {
    session_->connection_.End(error, std::string(why.message()));
    OnBroken();
  }
  void OnPodBytes(absl::string_view bytes, std::function<void()> sent) override {
    session_->connection_.Send(data, bytes, std::move(sent));
  }
  void OnPodEnd() override { session_->connection_.End(data); }
  void OnOver() override { End(); }
  // A reset tells the client that the connection broke. A text would make kubectl give up the whole session.
  void OnBroken() override {
    session_->connection_.Reset(data, SpdyReset::kCancel);
    End();
  }
  void OnDrained() override { session_->connection_.Resume(); }

  ForwardSession* const session_;
  PodConnection pod_;
  StreamTimer timer_;  // limits the opening of the second stream
};

ForwardSession::ForwardSession(const StreamContext& context, std::string pod_id, ByteStream* bytes,
                               std::function<void()> over)
    : context_(context),
      pod_id_(std::move(pod_id)),
      over_(std::move(over)),
      connection_(context.loop, bytes, kMostStreams, this),
      pods_(context.loop) {}

ForwardSession::~ForwardSession() = default;

bool ForwardSession::OnStream(uint32_t stream, const SpdyHeaders& headers) {
  const auto label = LabelOf(stream, headers);
  if (!label.has_value()) return false;
  std::unique_ptr<Forward>& forward = forwards_[label->request];
  if (forward == nullptr) forward = std::make_unique<Forward>(this, label->request, label->port);
  uint32_t& place = label->is_data ? forward->data : forward->error;
  if (place != 0 || forward->port() != label->port) return false;
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
  if (!MayRead()) pods_.WatchForStuck();
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
  return pods_.MayRead();
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
  context_.loop->Post(alive_, [this] {
    removed_.clear();
    connection_.Resume();
  });
}

}  // namespace crisp
