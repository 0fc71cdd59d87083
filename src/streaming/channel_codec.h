// The channels of exec, attach and port-forward in the messages of a WebSocket. The first byte of a message is the
// channel, the rest is data. Sub-protocols whose name has "base64." write the channel as a character ('0' is channel 0)
// and the data in base64, so that messages are text. v5.channel.k8s.io adds the message {255, CHANNEL}, which closes
// one direction of a channel. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "streaming/base64_decoder.h"

namespace crisp {

inline constexpr uint8_t kCloseSignal = 255;

enum class ChannelCoding {
  kBinary,
  kBinaryWithClose,  // has the close signal
  kBase64,
};

// The most channels that a message can name.
inline constexpr int kMostBinaryChannels = 255;
inline constexpr int kMostBase64Channels = 80;  // '0' and what follows in ASCII

// Decodes messages that arrive in parts of any size, without buffering them.
class ChannelReader {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void OnMessageBytes(uint8_t channel, absl::string_view bytes) = 0;
    virtual void OnChannelClosed(uint8_t channel) = 0;
  };

  explicit ChannelReader(ChannelCoding coding) : coding_(coding) {}

  // A part of a message; `ends` if it is the last. InvalidArgument for a message that the protocol does not have; the
  // decoder cannot be used after that.
  absl::Status Feed(absl::string_view part, bool ends, Events* events);

 private:
  absl::Status FeedClose(absl::string_view part, bool ends, Events* events);
  absl::Status FeedBase64(absl::string_view part, bool ends, Events* events);

  const ChannelCoding coding_;
  std::optional<uint8_t> channel_;  // of the message that is being received
  std::optional<uint8_t> closed_;   // the channel that a close message names
  Base64Decoder base64_;
};

// The first byte of a message for the channel.
char ChannelPrefix(ChannelCoding coding, uint8_t channel);

}  // namespace crisp
