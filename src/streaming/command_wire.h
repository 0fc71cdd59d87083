// CommandWire: the channels of an exec or attach on their way to the client, as SPDY streams or WebSocket messages.
//
// Threading: the StreamLoop's thread only. No callback runs inside a method or after the destructor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "streaming/byte_stream.h"
#include "streaming/channel_codec.h"
#include "streaming/stream_loop.h"

namespace crisp {

class WebSocket;

// The values are the channel numbers of the WebSocket protocols.
enum class CommandChannel : uint8_t { kInput = 0, kOutput = 1, kErrorOutput = 2, kResult = 3, kResize = 4 };

class CommandWire {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // Called once: all channels of the request are open.
    virtual void OnReady() = 0;
    // For the input and resize channels only. May be called before OnReady.
    virtual void OnChannelData(CommandChannel channel, absl::string_view bytes) = 0;
    virtual void OnInputEnd() = 0;
    // The wire reads nothing while this is false.
    virtual bool MayRead() const = 0;
    // Called once: the client has gone, or Finish is done.
    virtual void OnGone(absl::string_view why) = 0;
  };

  virtual ~CommandWire() = default;

  virtual void Start() = 0;
  // The caller keeps `bytes` until `sent` is called or destroyed. Data of a channel that the client has closed is
  // dropped.
  virtual void Send(CommandChannel channel, absl::string_view bytes, std::function<void()> sent) = 0;
  // Ends an output channel.
  virtual void End(CommandChannel channel) = 0;
  // The owner calls this when MayRead may have become true.
  virtual void Resume() = 0;
  // Sends the result (the exit code, or the error) behind all output, and closes the connection in order.
  virtual void Finish(const absl::StatusOr<int>& result) = 0;
};

// The channels of the client's request.
struct CommandChannels {
  bool input = false;
  bool output = false;
  bool error_output = false;
  bool terminal = false;
};

// SPDY/3.1; `version` is that of the sub-protocol, 1 to 4. `already_read` are bytes behind the upgrade request.
std::unique_ptr<CommandWire> MakeSpdyWire(StreamLoop* loop, ByteStream* bytes, std::string already_read, int version,
                                          const CommandChannels& channels, CommandWire::Owner* owner);

// Messages of an accepted WebSocket; `version` is 1 to 5. `socket` and its `bytes` must outlive the wire.
std::unique_ptr<CommandWire> MakeWebSocketWire(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, int version,
                                               ChannelCoding coding, const CommandChannels& channels,
                                               CommandWire::Owner* owner);

}  // namespace crisp
