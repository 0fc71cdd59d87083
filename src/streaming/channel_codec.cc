#include "streaming/channel_codec.h"

namespace crisp {

absl::Status ChannelReader::Feed(absl::string_view part, bool ends, Events* events) {
  if (!channel_.has_value() && !part.empty()) {
    channel_ = static_cast<uint8_t>(part[0]);
    part.remove_prefix(1);
  }
  if (with_close_signal_ && channel_ == kCloseSignal) {
    if (part.size() > (closed_.has_value() ? 0 : 1)) return absl::InvalidArgumentError("a close signal is too long");
    if (!part.empty()) closed_ = static_cast<uint8_t>(part[0]);
    if (ends && !closed_.has_value()) return absl::InvalidArgumentError("a close signal names no channel");
    if (ends) events->OnChannelClosed(*closed_);
  } else if (!part.empty()) {
    events->OnMessageBytes(*channel_, part);
  }
  if (ends) {
    channel_.reset();
    closed_.reset();
  }
  return absl::OkStatus();
}

}  // namespace crisp
