#include "streaming/spdy_frame.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr uint32_t kControlBit = 0x80000000;
constexpr uint32_t kStreamMask = 0x7fffffff;
constexpr uint32_t kVersion = 3;

void Put32(char* at, uint32_t value) {
  at[0] = static_cast<char>(value >> 24);
  at[1] = static_cast<char>(value >> 16);
  at[2] = static_cast<char>(value >> 8);
  at[3] = static_cast<char>(value);
}

uint32_t Get32(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

std::string Word(uint32_t value) {
  std::string bytes(4, '\0');
  Put32(bytes.data(), value);
  return bytes;
}

absl::Status TooShort(absl::string_view type, size_t length) {
  return absl::InvalidArgumentError(absl::StrCat(type, " frame of ", length, " bytes is too short"));
}

// Reads the stream id at the start of a payload.
absl::StatusOr<uint32_t> LeadingStream(absl::string_view type, absl::string_view payload, size_t least) {
  if (payload.size() < least) return TooShort(type, payload.size());
  const uint32_t stream = Get32(payload.data()) & kStreamMask;
  if (stream == 0) return absl::InvalidArgumentError(absl::StrCat(type, " frame for stream 0"));
  return stream;
}

}  // namespace

SpdyDataHeader EncodeSpdyDataHeader(uint32_t stream, uint8_t flags, uint32_t length) {
  SpdyDataHeader header;
  Put32(header.data(), stream & kStreamMask);
  Put32(header.data() + 4, uint32_t{flags} << 24 | length);
  return header;
}

std::string EncodeSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) {
  return absl::StrCat(Word(kControlBit | kVersion << 16 | static_cast<uint16_t>(type)),
                      Word(uint32_t{flags} << 24 | static_cast<uint32_t>(payload.size())), payload);
}

std::string EncodeSynStream(uint32_t stream, uint8_t flags, absl::string_view block) {
  const std::string no_parent_no_priority(6, '\0');
  return EncodeSpdyControl(SpdyType::kSynStream, flags, absl::StrCat(Word(stream), no_parent_no_priority, block));
}

std::string EncodeSynReply(uint32_t stream, uint8_t flags, absl::string_view block) {
  return EncodeSpdyControl(SpdyType::kSynReply, flags, absl::StrCat(Word(stream), block));
}

std::string EncodeRstStream(uint32_t stream, SpdyReset why) {
  return EncodeSpdyControl(SpdyType::kRstStream, 0, absl::StrCat(Word(stream), Word(static_cast<uint32_t>(why))));
}

std::string EncodePing(uint32_t id) {
  return EncodeSpdyControl(SpdyType::kPing, 0, Word(id));
}

std::string EncodeGoAway(uint32_t last_good_stream, SpdyGoodbye why) {
  return EncodeSpdyControl(SpdyType::kGoAway, 0,
                           absl::StrCat(Word(last_good_stream), Word(static_cast<uint32_t>(why))));
}

absl::StatusOr<SpdySynStream> ParseSynStream(absl::string_view payload) {
  // Stream, associated stream, priority, slot.
  constexpr size_t kFixed = 4 + 4 + 1 + 1;
  ASSIGN_OR_RETURN(const uint32_t stream, LeadingStream("SYN_STREAM", payload, kFixed));
  return SpdySynStream{stream, payload.substr(kFixed)};
}

absl::StatusOr<SpdySynStream> ParseStreamHeaders(absl::string_view payload) {
  ASSIGN_OR_RETURN(const uint32_t stream, LeadingStream("SYN_REPLY or HEADERS", payload, 4));
  return SpdySynStream{stream, payload.substr(4)};
}

absl::StatusOr<uint32_t> ParseRstStream(absl::string_view payload) {
  return LeadingStream("RST_STREAM", payload, 8);
}

absl::StatusOr<uint32_t> ParsePing(absl::string_view payload) {
  if (payload.size() < 4) return TooShort("PING", payload.size());
  return Get32(payload.data());
}

absl::StatusOr<uint32_t> ParseGoAway(absl::string_view payload) {
  if (payload.size() < 8) return TooShort("GOAWAY", payload.size());
  return Get32(payload.data()) & kStreamMask;
}

absl::Status SpdyFrameReader::Feed(absl::string_view bytes, Events* events) {
  while (!bytes.empty()) {
    if (head_length_ < head_.size()) {
      const size_t take = std::min(bytes.size(), head_.size() - head_length_);
      memcpy(head_.data() + head_length_, bytes.data(), take);
      head_length_ += take;
      bytes.remove_prefix(take);
      if (head_length_ < head_.size()) return absl::OkStatus();
      RETURN_IF_ERROR(BeginFrame(events));
      continue;
    }
    RETURN_IF_ERROR(control_ ? TakeControl(&bytes, events) : TakeData(&bytes, events));
  }
  return absl::OkStatus();
}

// The head is complete. A frame without a body is passed on at once.
absl::Status SpdyFrameReader::BeginFrame(Events* events) {
  const uint32_t first = Get32(head_.data());
  left_ = Get32(head_.data() + 4) & kSpdyMaxDataLength;
  control_ = (first & kControlBit) != 0;
  if (control_) {
    const uint32_t version = (first & kStreamMask) >> 16;
    if (version != kVersion) {
      return absl::InvalidArgumentError(absl::StrCat("control frame of SPDY version ", version));
    }
    if (left_ > kSpdyMaxControlLength) {
      return absl::InvalidArgumentError(absl::StrCat("control frame of ", left_, " bytes"));
    }
  } else if (first == 0) {
    return absl::InvalidArgumentError("data frame for stream 0");
  }
  if (left_ > 0) return absl::OkStatus();
  absl::string_view nothing;
  return control_ ? TakeControl(&nothing, events) : TakeData(&nothing, events);
}

absl::Status SpdyFrameReader::TakeData(absl::string_view* bytes, Events* events) {
  const absl::string_view part = bytes->substr(0, left_);
  bytes->remove_prefix(part.size());
  left_ -= static_cast<uint32_t>(part.size());
  if (left_ == 0) head_length_ = 0;
  const bool fin = (static_cast<uint8_t>(head_[4]) & kSpdyFin) != 0;
  return events->OnSpdyData(Get32(head_.data()), part, fin && left_ == 0);
}

absl::Status SpdyFrameReader::TakeControl(absl::string_view* bytes, Events* events) {
  absl::string_view part = bytes->substr(0, left_);
  bytes->remove_prefix(part.size());
  left_ -= static_cast<uint32_t>(part.size());
  std::string whole;
  if (left_ > 0 || !payload_.empty()) payload_.append(part.data(), part.size());
  if (left_ > 0) return absl::OkStatus();
  head_length_ = 0;
  if (!payload_.empty()) {
    whole = std::move(payload_);
    payload_.clear();
    part = whole;
  }
  const auto type = static_cast<SpdyType>(Get32(head_.data()) & 0xffff);
  return events->OnSpdyControl(type, static_cast<uint8_t>(head_[4]), part);
}

}  // namespace crisp
