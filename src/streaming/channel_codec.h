// The channels of an exec or attach in the messages of a WebSocket (sub-protocols channel.k8s.io to v5.channel.k8s.io):
// the first byte of a message names its channel, the rest are the channel's bytes. v5 adds the message 255, CHANNEL:
// the sender sends no more on that channel. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

inline constexpr uint8_t kCloseSignal = 255;

// Takes messages in parts of any size and keeps none of their bytes.
class ChannelReader {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void OnMessageBytes(uint8_t channel, absl::string_view bytes) = 0;
    virtual void OnChannelClosed(uint8_t channel) = 0;
  };

  explicit ChannelReader(bool with_close_signal) : with_close_signal_(with_close_signal) {}

  // A part of a message; `ends` if it is the last. InvalidArgument: this is none of the protocol's; final.
  absl::Status Feed(absl::string_view part, bool ends, Events* events);

 private:
  const bool with_close_signal_;
  std::optional<uint8_t> channel_;  // of the message whose parts are coming
  std::optional<uint8_t> closed_;   // of a close signal: the channel that it names
};

}  // namespace crisp
