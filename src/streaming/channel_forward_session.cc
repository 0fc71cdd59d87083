#include "streaming/channel_forward_session.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace crisp {

// The connection to one port.
class ChannelForwardSession::Port final : private PodConnection::Owner {
 public:
  Port(ChannelForwardSession* session, uint8_t data_channel, uint16_t port)
      : session_(session), data_(data_channel), port_(port) {
    PodConnection::Owner* const owner = this;
    pod_.emplace(session->context_, &session->pods_, session->pod_id_, port, owner);
  }

  void Start() {
    const std::string number = {static_cast<char>(port_ & 0xff), static_cast<char>(port_ >> 8)};
    session_->socket_.SendText(data_, number);
    session_->socket_.SendText(error_channel(), number);
    pod_->Dial();
  }

  void FromClient(absl::string_view bytes) {
    if (!over_) pod_->Write(bytes);
  }

 private:
  uint8_t error_channel() const { return static_cast<uint8_t>(data_ + 1); }

  void OnDialFailed(const absl::Status& why) override { Fail(std::string(why.message())); }
  void OnPodBytes(absl::string_view bytes, std::function<void()> sent) override {
    session_->socket_.Send(data_, bytes, std::move(sent));
  }
  // The client has no way to end its direction, so the connection ends with that of the pod.
  void OnPodEnd() override { End(); }
  void OnOver() override { End(); }
  void OnBroken() override {
    Fail(absl::StrCat("forward to port ", port_, " of pod ", session_->pod_id_, ": the connection broke"));
  }
  void OnDrained() override { session_->socket_.Resume(); }

  void Fail(std::string why) {
    if (!over_) session_->socket_.SendText(error_channel(), std::move(why));
    End();
  }

  // The connection is destroyed later, since it is the caller.
  void End() {
    if (std::exchange(over_, true)) return;
    session_->context_.loop->Post(session_->alive_, [this] {
      pod_.reset();
      session_->socket_.Resume();
    });
    session_->OnPortOver();
  }

  ChannelForwardSession* const session_;
  const uint8_t data_;
  const uint16_t port_;
  std::optional<PodConnection> pod_;
  bool over_ = false;
};

size_t ChannelForwardSession::MostPorts(ChannelCoding coding) {
  return (coding == ChannelCoding::kBase64 ? kMostBase64Channels : kMostBinaryChannels) / 2;
}

ChannelForwardSession::ChannelForwardSession(const StreamContext& context, std::string pod_id,
                                             const std::vector<uint16_t>& ports, WebSocket* socket, ByteStream* bytes,
                                             ChannelCoding coding, std::function<void()> over)
    : context_(context),
      pod_id_(std::move(pod_id)),
      over_(std::move(over)),
      socket_(context.loop, socket, bytes, coding, this),
      pods_(context.loop),
      open_(ports.size()) {
  for (const uint16_t port : ports) {
    ports_.push_back(std::make_unique<Port>(this, static_cast<uint8_t>(2 * ports_.size()), port));
  }
}

ChannelForwardSession::~ChannelForwardSession() = default;

void ChannelForwardSession::Start() {
  for (const auto& port : ports_) port->Start();
  socket_.Start();
}

// What is sent on an error channel, or on none of this session, is dropped.
void ChannelForwardSession::OnChannelBytes(uint8_t channel, absl::string_view bytes) {
  if (channel % 2 != 0 || channel / 2 >= ports_.size()) return;
  ports_[channel / 2]->FromClient(bytes);
  if (!MayRead()) pods_.WatchForStuck();
}

void ChannelForwardSession::OnPortOver() {
  if (--open_ == 0) socket_.Finish();
}

void ChannelForwardSession::OnGone(absl::string_view why) {
  LogDebug("port-forward ends", {{"pod_id", pod_id_}, {"reason", why}});
  over_();
}

}  // namespace crisp
