// SpdyConnection: the server's side of SPDY/3.1 over a stream of bytes: streams that the client opens, frames in their
// order, pings answered.
//
// For the thread of the StreamLoop. No callback comes from inside Send, End or Reset, none after the destructor.
//
// Flow control is TCP's: peers (spdystream) open no windows, and heed none. Nothing is read while the owner has too
// much waiting (MayRead), or the client does not take the answers to its own frames; then only its going away is
// noticed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "streaming/byte_stream.h"
#include "streaming/spdy_frame.h"
#include "streaming/spdy_headers.h"
#include "streaming/stream_loop.h"

namespace crisp {

class SpdyConnection final : private SpdyFrameReader::Events {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The client opens a stream. False refuses it. Sends nothing on it before the call has returned.
    virtual bool OnStream(uint32_t stream, const SpdyHeaders& headers) = 0;
    virtual void OnStreamData(uint32_t stream, absl::string_view bytes) = 0;
    // The client sends no more on it.
    virtual void OnStreamEnd(uint32_t stream) = 0;
    // The client wants nothing more to do with it.
    virtual void OnStreamReset(uint32_t stream) = 0;
    virtual bool MayRead() const = 0;
    // Once: the client has gone, or is sent away for breaking the protocol, or Finish is done.
    virtual void OnGone(absl::string_view why) = 0;
  };

  // `bytes` and `owner` outlive it.
  SpdyConnection(StreamLoop* loop, ByteStream* bytes, size_t most_streams, Owner* owner);

  // Begins, with what was read after the request of the upgrade.
  void Start(absl::string_view already_read);

  // Sends a data frame; `bytes` stay until `sent` is called or destroyed. To a stream that is no more, they are
  // dropped.
  void Send(uint32_t stream, absl::string_view bytes, std::function<void()> sent);
  // Sends `text` if there is any, and that there is no more from us.
  void End(uint32_t stream, const std::string& text = "");
  void Reset(uint32_t stream, SpdyReset why);

  // To be called when MayRead may have become true.
  void Resume();

  // Says goodbye after all that was sent, and OnGone when the client has left too.
  void Finish();

 private:
  struct Stream {
    bool theirs_ended = false;
    bool ours_ended = false;
  };
  struct Outgoing {
    std::string head;  // a control frame, or the head and perhaps the body of a data frame
    absl::string_view body;
    std::function<void()> sent;
  };

  absl::Status OnSpdyData(uint32_t stream, absl::string_view part, bool last) override;
  absl::Status OnSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) override;
  absl::Status OnSynStream(uint8_t flags, absl::string_view payload);
  absl::Status OnHeaders(uint8_t flags, absl::string_view payload);
  absl::Status OnRstStream(absl::string_view payload);
  void TheirsEnded(uint32_t stream);
  void Forget(uint32_t stream);

  void Read();
  void Take(absl::string_view bytes);
  void Put(Outgoing outgoing);
  void PutControl(std::string frame) { Put({std::move(frame), {}, nullptr}); }
  void PutProbe();
  void Write(bool probe = false);
  void OnWritten(bool well);
  void Gone(absl::string_view why);

  StreamLoop* const loop_;
  ByteStream* const bytes_;
  const size_t most_streams_;
  Owner* const owner_;

  SpdyFrameReader frames_;
  SpdyHeaderInflater inflater_;
  SpdyHeaderDeflater deflater_;
  std::map<uint32_t, Stream> streams_;
  uint32_t last_stream_ = 0;
  bool client_leaves_ = false;  // it has sent GOAWAY

  const std::unique_ptr<char[]> read_buffer_;
  bool reading_ = false;
  bool taking_ = false;                  // in the middle of what was read
  std::unique_ptr<UnreadWatch> unread_;  // while nothing is read

  std::vector<Outgoing> queue_;
  std::vector<Outgoing> writing_;
  size_t answers_queued_ = 0;  // bytes of queue_ and writing_ that answer frames of the client's

  bool finishing_ = false;
  bool gone_ = false;
  std::unique_ptr<Farewell> farewell_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
