#include "streaming/channel_socket.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr size_t kReadBuffer = 64 << 10;

}  // namespace

ChannelSocket::ChannelSocket(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, ChannelCoding coding, Owner* owner)
    : loop_(loop),
      socket_(socket),
      bytes_(bytes),
      coding_(coding),
      owner_(owner),
      channel_reader_(coding),
      read_buffer_(std::make_unique<char[]>(kReadBuffer)) {
  if (coding == ChannelCoding::kBase64) socket_->SendText();
}

void ChannelSocket::Send(uint8_t channel, absl::string_view bytes, std::function<void()> sent) {
  const char prefix = ChannelPrefix(coding_, channel);
  if (coding_ == ChannelCoding::kBase64) return Put({prefix, absl::Base64Escape(bytes), {}, std::move(sent)});
  Put({prefix, "", bytes, std::move(sent)});
}

void ChannelSocket::SendText(uint8_t channel, std::string text) {
  if (coding_ == ChannelCoding::kBase64) text = absl::Base64Escape(text);
  Put({ChannelPrefix(coding_, channel), std::move(text), {}, nullptr});
}

void ChannelSocket::Finish() {
  if (std::exchange(finishing_, true)) return;
  Write();
  Read();
}

void ChannelSocket::Put(Message message) {
  queue_.push_back(std::move(message));
  Write();
}

void ChannelSocket::Write() {
  if (writing_ || gone_ || lingering_close_ != nullptr) return;
  if (queue_.empty()) {
    if (finishing_) SayGoodbye();
    return;
  }
  writing_ = true;
  const Message& message = queue_.front();
  socket_->Write({absl::string_view(&message.prefix, 1), message.text, message.body}, [this](bool well) {
    writing_ = false;
    const Message written = std::move(queue_.front());
    queue_.pop_front();
    if (!well) return Gone("the client has gone");
    if (written.sent) written.sent();
    Write();
  });
}

void ChannelSocket::SayGoodbye() {
  socket_->Close([this] { Gone("the stream is done"); });
  lingering_close_ = std::make_unique<LingeringClose>(loop_, bytes_, [this] { Gone("the stream is done"); });
}

void ChannelSocket::Read() {
  if (reading_ || taking_ || gone_) return;
  if (!finishing_ && !owner_->MayRead()) {
    if (unread_ == nullptr) {
      unread_ = std::make_unique<UnreadWatch>(
          loop_, bytes_->socket(), [this] { PutProbe(); }, [this] { Gone("the client has gone"); });
    }
    return;
  }
  unread_ = nullptr;
  reading_ = true;
  socket_->Read(read_buffer_.get(), kReadBuffer, [this](size_t got, bool ends) {
    reading_ = false;
    // Close waits for the client's close frame, which also ends the read in progress.
    if (got == 0 && !ends) return finishing_ ? void() : Gone("the client has gone");
    Take(absl::string_view(read_buffer_.get(), got), ends);
    Read();
  });
}

void ChannelSocket::PutProbe() {
  if (!writing_ && !finishing_) socket_->Probe();
}

void ChannelSocket::Take(absl::string_view part, bool ends) {
  if (finishing_ || gone_) return;
  taking_ = true;
  const absl::Status status = channel_reader_.Feed(part, ends, this);
  taking_ = false;
  if (!status.ok()) Gone(absl::StrCat("the client broke the protocol: ", status.message()));
}

void ChannelSocket::Gone(absl::string_view why) {
  if (std::exchange(gone_, true)) return;
  owner_->OnGone(why);
}

}  // namespace crisp
