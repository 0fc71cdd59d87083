#include "streaming/channel_codec.h"

namespace crisp {
namespace {

// The first byte of a message for channel 0.
uint8_t FirstPrefix(ChannelCoding coding) {
  return coding == ChannelCoding::kBase64 ? '0' : 0;
}

}  // namespace

char ChannelPrefix(ChannelCoding coding, uint8_t channel) {
  return static_cast<char>(FirstPrefix(coding) + channel);
}

absl::Status ChannelReader::Feed(absl::string_view part, bool ends, Events* events) {
  if (!channel_.has_value() && !part.empty()) {
    channel_ = static_cast<uint8_t>(static_cast<uint8_t>(part[0]) - FirstPrefix(coding_));
    part.remove_prefix(1);
  }
  absl::Status status;
  if (coding_ == ChannelCoding::kBase64) {
    status = FeedBase64(part, ends, events);
  } else if (coding_ == ChannelCoding::kBinaryWithClose && channel_ == kCloseSignal) {
    status = FeedClose(part, ends, events);
  } else if (!part.empty()) {
    events->OnMessageBytes(*channel_, part);
  }
  if (ends) {
    channel_.reset();
    closed_.reset();
  }
  return status;
}

absl::Status ChannelReader::FeedClose(absl::string_view part, bool ends, Events* events) {
  if (part.size() > (closed_.has_value() ? 0 : 1)) return absl::InvalidArgumentError("a close signal is too long");
  if (!part.empty()) closed_ = static_cast<uint8_t>(part[0]);
  if (!ends) return absl::OkStatus();
  if (!closed_.has_value()) return absl::InvalidArgumentError("a close signal names no channel");
  events->OnChannelClosed(*closed_);
  return absl::OkStatus();
}

absl::Status ChannelReader::FeedBase64(absl::string_view part, bool ends, Events* events) {
  std::string bytes;
  bytes.reserve(part.size());
  if (!base64_.Feed(part, &bytes)) return absl::InvalidArgumentError("a message is not base64");
  if (!bytes.empty()) events->OnMessageBytes(*channel_, bytes);
  if (ends && !base64_.End()) return absl::InvalidArgumentError("a message ends within a group of base64");
  return absl::OkStatus();
}

}  // namespace crisp
