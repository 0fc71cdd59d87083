// Frames of SPDY/3.1, to and from bytes. Pure: no descriptors, and no compression (see spdy_headers.h).
//
//   data:     0 | stream 31 bits | flags 8 | length 24 | bytes
//   control:  1 | version 15 bits | type 16 | flags 8 | length 24 | payload
//
// All numbers are big-endian. Facts: "SPDY Protocol - Draft 3.1", sections 2.2 and 2.6. All clients (kubelet, kubectl,
// critest) use github.com/moby/spdystream. Where it differs from the draft we follow it: it neither sends nor honours
// WINDOW_UPDATE and SETTINGS, so TCP does all flow control.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

enum class SpdyType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

enum class SpdyReset : uint32_t {
  kProtocolError = 1,
  kInvalidStream = 2,
  kRefusedStream = 3,
  kCancel = 5,
  kInternalError = 6,
};

enum class SpdyGoodbye : uint32_t { kOk = 0, kProtocolError = 1, kInternalError = 2 };

inline constexpr uint8_t kSpdyFin = 1;
inline constexpr uint8_t kSpdyUnidirectional = 2;
inline constexpr uint32_t kSpdyMaxDataLength = (1 << 24) - 1;

// A control frame is buffered until it is whole, so its length is limited. Real ones have a few hundred bytes.
inline constexpr uint32_t kSpdyMaxControlLength = 64 << 10;

using SpdyDataHeader = std::array<char, 8>;

// `length` is at most kSpdyMaxDataLength.
SpdyDataHeader EncodeSpdyDataHeader(uint32_t stream, uint8_t flags, uint32_t length);

std::string EncodeSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload);

// `block` is a compressed block of headers.
std::string EncodeSynStream(uint32_t stream, uint8_t flags, absl::string_view block);
std::string EncodeSynReply(uint32_t stream, uint8_t flags, absl::string_view block);
std::string EncodeRstStream(uint32_t stream, SpdyReset why);
std::string EncodePing(uint32_t id);
std::string EncodeGoAway(uint32_t last_good_stream, SpdyGoodbye why);

// Parsers of the payloads of control frames. A view in a result points into the payload. Errors: InvalidArgument.
struct SpdySynStream {
  uint32_t stream = 0;
  absl::string_view block;
};
absl::StatusOr<SpdySynStream> ParseSynStream(absl::string_view payload);
// For SYN_REPLY and HEADERS.
absl::StatusOr<SpdySynStream> ParseStreamHeaders(absl::string_view payload);
// The stream of RST_STREAM, the id of PING, the last good stream of GOAWAY.
absl::StatusOr<uint32_t> ParseRstStream(absl::string_view payload);
absl::StatusOr<uint32_t> ParsePing(absl::string_view payload);
absl::StatusOr<uint32_t> ParseGoAway(absl::string_view payload);

// Splits a stream of bytes into frames. The bytes of data frames are passed on as they arrive and are not buffered.
class SpdyFrameReader {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    // A part of a data frame, possibly empty; `last` with the last part of a frame that has the flag FIN.
    virtual absl::Status OnSpdyData(uint32_t stream, absl::string_view part, bool last) = 0;
    // Unknown types are passed on too.
    virtual absl::Status OnSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) = 0;
  };

  // After an error (InvalidArgument, or one of `events`) the reader cannot be used: it does not know where the next
  // frame begins.
  absl::Status Feed(absl::string_view bytes, Events* events);

 private:
  absl::Status BeginFrame(Events* events);
  absl::Status TakeData(absl::string_view* bytes, Events* events);
  absl::Status TakeControl(absl::string_view* bytes, Events* events);

  std::array<char, 8> head_{};
  size_t head_length_ = 0;  // bytes of head_ received; 8 while a body is being read
  uint32_t left_ = 0;       // bytes of the body not received yet
  bool control_ = false;
  std::string payload_;  // received part of a control frame
};

}  // namespace crisp
