// SpdyConnection: the server side of SPDY/3.1 over a ByteStream. The client opens all streams; frames are sent in
// order; pings are answered.
//
// Threading: the StreamLoop's thread only. No callback runs inside Send, End or Reset, or after the destructor.
//
// Flow control is TCP's, since the peer (spdystream) sends no WINDOW_UPDATE and ignores ours. The connection reads
// nothing while the owner has too much queued (MayRead), or while the client does not read the answers to its own
// frames; then it only watches for the client to go away.
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
    // The client opens a stream; false refuses it. The owner must not send on it before it has returned.
    virtual bool OnStream(uint32_t stream, const SpdyHeaders& headers) = 0;
    virtual void OnStreamData(uint32_t stream, absl::string_view bytes) = 0;
    // The client has ended its direction of the stream.
    virtual void OnStreamEnd(uint32_t stream) = 0;
    // The client has reset the stream.
    virtual void OnStreamReset(uint32_t stream) = 0;
    virtual bool MayRead() const = 0;
    // Called once: the client has gone or has violated the protocol, or Finish is done.
    virtual void OnGone(absl::string_view why) = 0;
  };

  // `bytes` and `owner` must outlive it.
  SpdyConnection(StreamLoop* loop, ByteStream* bytes, size_t most_streams, Owner* owner);

  // `already_read` are bytes behind the upgrade request.
  void Start(absl::string_view already_read);

  // Sends a data frame, or drops it if the stream has ended. The caller keeps `bytes` until `sent` is called or
  // destroyed.
  void Send(uint32_t stream, absl::string_view bytes, std::function<void()> sent);
  // Sends `text`, if there is any, with the flag FIN.
  void End(uint32_t stream, const std::string& text = "");
  void Reset(uint32_t stream, SpdyReset why);

  // The owner calls this when MayRead may have become true.
  void Resume();

  // Sends GOAWAY behind everything else, and calls OnGone when the client has closed too.
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
  bool client_leaves_ = false;  // the client has sent GOAWAY

  const std::unique_ptr<char[]> read_buffer_;
  bool reading_ = false;
  bool taking_ = false;                  // inside the loop that processes what was read
  std::unique_ptr<UnreadWatch> unread_;  // while nothing is read

  std::vector<Outgoing> queue_;
  std::vector<Outgoing> writing_;
  size_t answers_queued_ = 0;  // bytes of queue_ and writing_ that answer frames of the client's

  bool finishing_ = false;
  bool gone_ = false;
  std::unique_ptr<LingeringClose> lingering_close_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
