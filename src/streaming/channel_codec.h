// The channels of an exec or attach in the messages of a WebSocket (sub-protocols channel.k8s.io to v5.channel.k8s.io):
// the first byte of a message is the channel, the rest is data. v5 adds the message {255, CHANNEL}, which closes one
// direction of a channel. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

inline constexpr uint8_t kCloseSignal = 255;

// Decodes messages that arrive in parts of any size, without buffering them.
class ChannelReader {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void OnMessageBytes(uint8_t channel, absl::string_view bytes) = 0;
    virtual void OnChannelClosed(uint8_t channel) = 0;
  };

  explicit ChannelReader(bool with_close_signal) : with_close_signal_(with_close_signal) {}

  // A part of a message; `ends` if it is the last. InvalidArgument for a message that the protocol does not have; the
  // decoder cannot be used after that.
  absl::Status Feed(absl::string_view part, bool ends, Events* events);

 private:
  const bool with_close_signal_;
  std::optional<uint8_t> channel_;  // of the message that is being received
  std::optional<uint8_t> closed_;   // the channel that a close message names
};

}  // namespace crisp
