// ChannelSocket: messages for numbered channels over an accepted WebSocket (streaming/channel_codec.h).
//
// Threading: the StreamLoop's thread only. No callback runs inside a method or after the destructor.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "streaming/byte_stream.h"
#include "streaming/channel_codec.h"
#include "streaming/stream_loop.h"
#include "streaming/web_socket.h"

namespace crisp {

class ChannelSocket final : private ChannelReader::Events {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The client may name any channel.
    virtual void OnChannelBytes(uint8_t channel, absl::string_view bytes) = 0;
    virtual void OnChannelClosed(uint8_t channel) = 0;
    // Nothing is read while this is false.
    virtual bool MayRead() const = 0;
    // Called once: the client has gone, or Finish is done.
    virtual void OnGone(absl::string_view why) = 0;
  };

  // `socket` and its `bytes` must outlive it.
  ChannelSocket(StreamLoop* loop, WebSocket* socket, ByteStream* bytes, ChannelCoding coding, Owner* owner);
  ChannelSocket(const ChannelSocket&) = delete;
  ChannelSocket& operator=(const ChannelSocket&) = delete;

  void Start() { Read(); }
  // The caller keeps `bytes` until `sent` is called or destroyed.
  void Send(uint8_t channel, absl::string_view bytes, std::function<void()> sent);
  // Keeps the text itself.
  void SendText(uint8_t channel, std::string text);
  // The owner calls this when MayRead may have become true.
  void Resume() { Read(); }
  // Closes the connection in order behind what was sent. What the client still sends is dropped.
  void Finish();
  bool finishing() const { return finishing_; }

 private:
  struct Message {
    char prefix;
    std::string text;
    absl::string_view body;
    std::function<void()> sent;
  };

  void Put(Message message);
  void Write();
  void SayGoodbye();
  void Read();
  void PutProbe();
  void Take(absl::string_view part, bool ends);
  void OnMessageBytes(uint8_t channel, absl::string_view bytes) override { owner_->OnChannelBytes(channel, bytes); }
  void OnChannelClosed(uint8_t channel) override { owner_->OnChannelClosed(channel); }
  void Gone(absl::string_view why);

  StreamLoop* const loop_;
  WebSocket* const socket_;
  ByteStream* const bytes_;
  const ChannelCoding coding_;
  Owner* const owner_;

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
};

}  // namespace crisp
