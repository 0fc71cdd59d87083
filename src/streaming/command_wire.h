// CommandWire: how the channels of an exec or an attach reach its client, whatever the protocol (SPDY streams or
// messages of a WebSocket).
//
// For the thread of the StreamLoop. No callback comes from inside a call, none after the destructor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "streaming/byte_stream.h"
#include "streaming/stream_loop.h"

namespace crisp {

class WebSocket;

// The numbers are those of the WebSocket protocols.
enum class CommandChannel : uint8_t { kInput = 0, kOutput = 1, kErrorOutput = 2, kResult = 3, kResize = 4 };

class CommandWire {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // Once: all channels that were asked for are there.
    virtual void OnReady() = 0;
    // Of input and resize only. May come before OnReady.
    virtual void OnChannelData(CommandChannel channel, absl::string_view bytes) = 0;
    virtual void OnInputEnd() = 0;
    // While false nothing is read.
    virtual bool MayRead() const = 0;
    // Once: the client has gone, or Finish is done.
    virtual void OnGone(absl::string_view why) = 0;
  };

  virtual ~CommandWire() = default;

  virtual void Start() = 0;
  // `bytes` stay until `sent` is called or destroyed. What the client does not want is dropped.
  virtual void Send(CommandChannel channel, absl::string_view bytes, std::function<void()> sent) = 0;
  // There is no more on an output channel.
  virtual void End(CommandChannel channel) = 0;
  // To be called when MayRead may have become true.
  virtual void Resume() = 0;
  // Tells the result (the exit code, or why there is none) after all that was sent, and says goodbye.
  virtual void Finish(const absl::StatusOr<int>& result) = 0;
};

// The channels that a client asked for.
struct CommandChannels {
  bool input = false;
  bool output = false;
  bool error_output = false;
  bool terminal = false;
};

// SPDY/3.1; `version` is that of the protocol, 1 to 4. `already_read` came after the request of the upgrade.
std::unique_ptr<CommandWire> MakeSpdyWire(StreamLoop* loop, ByteStream* bytes, std::string already_read, int version,
                                          const CommandChannels& channels, CommandWire::Owner* owner);

// Messages of a WebSocket that has been accepted; `version` is 1 to 5. `socket` and `bytes`, which it uses, outlive it.
std::unique_ptr<CommandWire> MakeWebSocketWire(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, int version,
                                               const CommandChannels& channels, CommandWire::Owner* owner);

}  // namespace crisp
