// An exec or attach over a WebSocket: all channels are open from the start.
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "streaming/channel_codec.h"
#include "streaming/command_wire.h"
#include "streaming/stream_result.h"
#include "streaming/web_socket.h"

namespace crisp {
namespace {

constexpr size_t kReadBuffer = 64 << 10;
constexpr int kFirstWithClose = 5;

class WebSocketWire final : public CommandWire, private ChannelReader::Events {
 public:
  WebSocketWire(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, int version, const CommandChannels& channels,
                CommandWire::Owner* owner)
      : loop_(loop),
        socket_(socket),
        bytes_(bytes),
        owner_(owner),
        version_(version),
        channels_(channels),
        channel_reader_(version >= kFirstWithClose),
        read_buffer_(std::make_unique<char[]>(kReadBuffer)) {}

  void Start() override {
    // Clients wait for a first message, empty, on each output channel.
    const CommandChannel first = channels_.output         ? CommandChannel::kOutput
                                 : channels_.error_output ? CommandChannel::kErrorOutput
                                                          : CommandChannel::kResult;
    Put({static_cast<char>(first), "", {}, nullptr});
    loop_->Post(alive_, [this] { owner_->OnReady(); });
    Read();
  }

  void Send(CommandChannel channel, absl::string_view bytes, std::function<void()> sent) override {
    if (finishing_ || !Wants(channel)) return loop_->Post(alive_, std::move(sent));
    Put({static_cast<char>(channel), "", bytes, std::move(sent)});
  }

  // The server has no message for the end of one output; the client sees it with the result.
  void End(CommandChannel) override {}

  void Resume() override { Read(); }

  void Finish(const absl::StatusOr<int>& result) override {
    if (finishing_) return;
    const std::string text = ResultText(version_, result);
    if (!text.empty()) Put({static_cast<char>(CommandChannel::kResult), text, {}, nullptr});
    finishing_ = true;
    Write();
    Read();
  }

 private:
  struct Message {
    char channel;
    std::string text;
    absl::string_view body;
    std::function<void()> sent;
  };

  bool Wants(CommandChannel channel) const {
    return channel == CommandChannel::kErrorOutput ? channels_.error_output : channels_.output;
  }

  void Put(Message message) {
    queue_.push_back(std::move(message));
    Write();
  }

  void Write() {
    if (writing_ || gone_ || lingering_close_ != nullptr) return;
    if (queue_.empty()) {
      if (finishing_) SayGoodbye();
      return;
    }
    writing_ = true;
    const Message& message = queue_.front();
    socket_->Write({absl::string_view(&message.channel, 1), message.text, message.body}, [this](bool well) {
      writing_ = false;
      const Message written = std::move(queue_.front());
      queue_.pop_front();
      if (!well) return Gone("the client has gone");
      if (written.sent) written.sent();
      Write();
    });
  }

  void SayGoodbye() {
    socket_->Close([this] { Gone("the stream is done"); });
    lingering_close_ = std::make_unique<LingeringClose>(loop_, bytes_, [this] { Gone("the stream is done"); });
  }

  void Read() {
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

  void PutProbe() {
    if (!writing_ && !finishing_) socket_->Probe();
  }

  void Take(absl::string_view part, bool ends) {
    if (finishing_ || gone_) return;
    taking_ = true;
    const absl::Status status = channel_reader_.Feed(part, ends, this);
    taking_ = false;
    if (!status.ok()) Gone(absl::StrCat("the client broke the protocol: ", status.message()));
  }

  void OnMessageBytes(uint8_t channel, absl::string_view bytes) override {
    const auto named = static_cast<CommandChannel>(channel);
    if (named == CommandChannel::kInput || named == CommandChannel::kResize) owner_->OnChannelData(named, bytes);
  }

  void OnChannelClosed(uint8_t channel) override {
    if (static_cast<CommandChannel>(channel) == CommandChannel::kInput) owner_->OnInputEnd();
  }

  void Gone(absl::string_view why) {
    if (std::exchange(gone_, true)) return;
    owner_->OnGone(why);
  }

  StreamLoop* const loop_;
  WebSocket* const socket_;
  ByteStream* const bytes_;
  CommandWire::Owner* const owner_;
  const int version_;
  const CommandChannels channels_;

  ChannelReader channel_reader_;
  const std::unique_ptr<char[]> read_buffer_;
  bool reading_ = false;
  bool taking_ = false;
  std::unique_ptr<UnreadWatch> unread_;  // while nothing is read

  std::deque<Message> queue_;  // the first is being written while writing_
  bool writing_ = false;
  bool finishing_ = false;
  bool gone_ = false;
  std::unique_ptr<LingeringClose> lingering_close_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<CommandWire> MakeWebSocketWire(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, int version,
                                               const CommandChannels& channels, CommandWire::Owner* owner) {
  return std::make_unique<WebSocketWire>(loop, socket, bytes, version, channels, owner);
}

}  // namespace crisp
