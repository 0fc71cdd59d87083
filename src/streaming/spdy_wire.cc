// An exec or attach over SPDY: the client opens one stream per channel, and names the channel in header "streamtype".
#include <map>
#include <optional>
#include <utility>

#include "streaming/command_wire.h"
#include "streaming/spdy_connection.h"
#include "streaming/stream_result.h"

namespace crisp {
namespace {

constexpr int kFirstWithResize = 3;

std::optional<CommandChannel> ChannelOf(absl::string_view type) {
  if (type == "stdin") return CommandChannel::kInput;
  if (type == "stdout") return CommandChannel::kOutput;
  if (type == "stderr") return CommandChannel::kErrorOutput;
  if (type == "error") return CommandChannel::kResult;
  if (type == "resize") return CommandChannel::kResize;
  return std::nullopt;
}

class SpdyWire final : public CommandWire, public SpdyConnection::Owner {
 public:
  SpdyWire(StreamLoop* loop, ByteStream* bytes, std::string already_read, int version, const CommandChannels& channels,
           CommandWire::Owner* owner)
      : owner_(owner), version_(version), already_read_(std::move(already_read)), loop_(loop) {
    streams_[CommandChannel::kResult];
    if (channels.input) streams_[CommandChannel::kInput];
    if (channels.output) streams_[CommandChannel::kOutput];
    if (channels.error_output) streams_[CommandChannel::kErrorOutput];
    if (channels.terminal && version >= kFirstWithResize) streams_[CommandChannel::kResize];
    connection_.emplace(loop, bytes, streams_.size(), this);
  }

  void Start() override { connection_->Start(already_read_); }

  void Send(CommandChannel channel, absl::string_view bytes, std::function<void()> sent) override {
    connection_->Send(StreamOf(channel), bytes, std::move(sent));
  }

  void End(CommandChannel channel) override { connection_->End(StreamOf(channel)); }

  void Resume() override { connection_->Resume(); }

  void Finish(const absl::StatusOr<int>& result) override {
    for (const auto& [channel, stream] : streams_) {
      if (channel != CommandChannel::kResult) connection_->End(stream);
    }
    connection_->End(StreamOf(CommandChannel::kResult), ResultText(version_, result));
    connection_->Finish();
  }

 private:
  // The stream id of a channel; 0 if the client has not opened it.
  uint32_t StreamOf(CommandChannel channel) const {
    const auto found = streams_.find(channel);
    return found == streams_.end() ? 0 : found->second;
  }

  std::optional<CommandChannel> ChannelOfStream(uint32_t stream) const {
    for (const auto& [channel, number] : streams_) {
      if (number == stream) return channel;
    }
    return std::nullopt;
  }

  bool OnStream(uint32_t stream, const SpdyHeaders& headers) override {
    const auto channel = ChannelOf(FindHeader(headers, "streamtype"));
    if (!channel.has_value()) return false;
    const auto wanted = streams_.find(*channel);
    if (wanted == streams_.end() || wanted->second != 0) return false;
    wanted->second = stream;
    for (const auto& [other, number] : streams_) {
      if (number == 0) return true;
    }
    loop_->Post(alive_, [this] { owner_->OnReady(); });
    return true;
  }

  void OnStreamData(uint32_t stream, absl::string_view bytes) override {
    const auto channel = ChannelOfStream(stream);
    if (channel == CommandChannel::kInput || channel == CommandChannel::kResize) {
      owner_->OnChannelData(*channel, bytes);
    }
  }

  void OnStreamEnd(uint32_t stream) override {
    if (ChannelOfStream(stream) == CommandChannel::kInput) owner_->OnInputEnd();
  }

  // The rest of an output is read and dropped, so that the process does not block.
  void OnStreamReset(uint32_t stream) override { OnStreamEnd(stream); }

  bool MayRead() const override { return owner_->MayRead(); }
  void OnGone(absl::string_view why) override { owner_->OnGone(why); }

  CommandWire::Owner* const owner_;
  const int version_;
  const std::string already_read_;
  StreamLoop* const loop_;
  std::map<CommandChannel, uint32_t> streams_;  // the channels of the request; 0: not open yet
  std::optional<SpdyConnection> connection_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<CommandWire> MakeSpdyWire(StreamLoop* loop, ByteStream* bytes, std::string already_read, int version,
                                          const CommandChannels& channels, CommandWire::Owner* owner) {
  return std::make_unique<SpdyWire>(loop, bytes, std::move(already_read), version, channels, owner);
}

}  // namespace crisp
