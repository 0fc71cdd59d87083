// An exec or attach over a WebSocket: all channels are open from the start.
#include <utility>

#include "streaming/channel_socket.h"
#include "streaming/command_wire.h"
#include "streaming/stream_result.h"

namespace crisp {
namespace {

class WebSocketWire final : public CommandWire, private ChannelSocket::Owner {
 public:
  WebSocketWire(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, int version, ChannelCoding coding,
                const CommandChannels& channels, CommandWire::Owner* owner)
      : loop_(loop),
        owner_(owner),
        version_(version),
        channels_(channels),
        socket_(loop, socket, bytes, coding, this) {}

  void Start() override {
    // Clients wait for a first message, empty, on the first channel that they read.
    const CommandChannel first = channels_.output         ? CommandChannel::kOutput
                                 : channels_.error_output ? CommandChannel::kErrorOutput
                                                          : CommandChannel::kResult;
    socket_.SendText(static_cast<uint8_t>(first), "");
    loop_->Post(alive_, [this] { owner_->OnReady(); });
    socket_.Start();
  }

  void Send(CommandChannel channel, absl::string_view bytes, std::function<void()> sent) override {
    if (socket_.finishing() || !Wants(channel)) return loop_->Post(alive_, std::move(sent));
    socket_.Send(static_cast<uint8_t>(channel), bytes, std::move(sent));
  }

  // The server has no message for the end of one output; the client sees it with the result.
  void End(CommandChannel) override {}

  void Resume() override { socket_.Resume(); }

  void Finish(const absl::StatusOr<int>& result) override {
    if (socket_.finishing()) return;
    std::string text = ResultText(version_, result);
    if (!text.empty()) socket_.SendText(static_cast<uint8_t>(CommandChannel::kResult), std::move(text));
    socket_.Finish();
  }

 private:
  bool Wants(CommandChannel channel) const {
    return channel == CommandChannel::kErrorOutput ? channels_.error_output : channels_.output;
  }

  void OnChannelBytes(uint8_t channel, absl::string_view bytes) override {
    const auto named = static_cast<CommandChannel>(channel);
    if (named == CommandChannel::kInput || named == CommandChannel::kResize) owner_->OnChannelData(named, bytes);
  }

  void OnChannelClosed(uint8_t channel) override {
    if (static_cast<CommandChannel>(channel) == CommandChannel::kInput) owner_->OnInputEnd();
  }

  bool MayRead() const override { return owner_->MayRead(); }
  void OnGone(absl::string_view why) override { owner_->OnGone(why); }

  StreamLoop* const loop_;
  CommandWire::Owner* const owner_;
  const int version_;
  const CommandChannels channels_;
  ChannelSocket socket_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<CommandWire> MakeWebSocketWire(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, int version,
                                               ChannelCoding coding, const CommandChannels& channels,
                                               CommandWire::Owner* owner) {
  return std::make_unique<WebSocketWire>(loop, socket, bytes, version, coding, channels, owner);
}

}  // namespace crisp
