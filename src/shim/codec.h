// Encoder and Decoder: messages of shim/protocol.h to bytes and back. No Abseil, no exceptions; used by both ends.
//
// Both are safe on any input: neither writes or reads past its buffer, and the Decoder allocates no more than the
// packet is long. After the first fault ok() is false and stays false.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "shim/messages.h"

namespace crisp::shim {

struct Header {
  Type type{};
  uint64_t id = 0;
};

class Encoder {
 public:
  Encoder(char* buffer, size_t capacity) : buffer_(buffer), capacity_(capacity) {}

  void U8(uint8_t value) { Integer(value, 1); }
  void U16(uint16_t value) { Integer(value, 2); }
  void U32(uint32_t value) { Integer(value, 4); }
  void U64(uint64_t value) { Integer(value, 8); }
  void I64(int64_t value) { Integer(static_cast<uint64_t>(value), 8); }
  template <typename E>
  void Enum8(E value) {
    U8(static_cast<uint8_t>(value));
  }
  void Text(std::string_view value, size_t cap) {
    if (value.size() > cap || value.size() > capacity_ || size_ + 4 + value.size() > capacity_) {
      ok_ = false;
      return;
    }
    U32(static_cast<uint32_t>(value.size()));
    if (!value.empty()) memmove(buffer_ + size_, value.data(), value.size());  // may lie in the same buffer
    size_ += value.size();
  }
  void View(std::string_view value, size_t cap) { Text(value, cap); }

  bool more() const { return true; }  // appended fields are always written
  bool ok() const { return ok_; }
  std::string_view bytes() const { return {buffer_, size_}; }

 private:
  void Integer(uint64_t value, size_t width) {
    if (size_ + width > capacity_) {
      ok_ = false;
      return;
    }
    for (size_t i = 0; i < width; ++i) buffer_[size_++] = static_cast<char>(value >> (8 * i));
  }

  char* buffer_;
  size_t capacity_;
  size_t size_ = 0;
  bool ok_ = true;
};

class Decoder {
 public:
  explicit Decoder(std::string_view packet) : rest_(packet) {}

  void U8(uint8_t& value) { value = static_cast<uint8_t>(Integer(1)); }
  void U16(uint16_t& value) { value = static_cast<uint16_t>(Integer(2)); }
  void U32(uint32_t& value) { value = static_cast<uint32_t>(Integer(4)); }
  void U64(uint64_t& value) { value = Integer(8); }
  void I64(int64_t& value) { value = static_cast<int64_t>(Integer(8)); }
  template <typename E>
  void Enum8(E& value) {
    value = static_cast<E>(Integer(1));
  }
  void Text(std::string& value, size_t cap) {
    std::string_view view;
    View(view, cap);
    value.assign(view);
  }
  void View(std::string_view& value, size_t cap) {
    const uint64_t size = Integer(4);
    if (!ok_ || size > cap || size > rest_.size()) {
      ok_ = false;
      value = {};
      return;
    }
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  // False once all bytes have been read: fields appended in a later version are then missing.
  bool more() const { return ok_ && !rest_.empty(); }
  bool ok() const { return ok_; }

 protected:
  void Fail() { ok_ = false; }

 private:
  uint64_t Integer(size_t width) {
    if (!ok_ || rest_.size() < width) {
      ok_ = false;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(width);
    return value;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// Encodes `message` into `buffer` and returns the packet; empty if it does not fit or a text is over its cap.
template <typename Message>
std::string_view EncodeInto(char* buffer, size_t capacity, uint64_t id, Message& message) {
  Encoder encoder(buffer, capacity);
  encoder.U16(static_cast<uint16_t>(Message::kType));
  encoder.U16(0);
  encoder.U32(0);
  encoder.U64(id);
  message.Fields(encoder);
  return encoder.ok() ? encoder.bytes() : std::string_view();
}

template <typename Message>
std::string Encode(uint64_t id, Message message) {
  std::string buffer(kMaxMessage, '\0');
  const size_t size = EncodeInto(buffer.data(), buffer.size(), id, message).size();
  buffer.resize(size);
  return buffer;
}

inline bool DecodeHeader(std::string_view packet, Header* header) {
  Decoder decoder(packet);
  uint16_t type = 0;
  uint16_t zero16 = 0;
  uint32_t zero32 = 0;
  decoder.U16(type);
  decoder.U16(zero16);
  decoder.U32(zero32);
  decoder.U64(header->id);
  header->type = static_cast<Type>(type);
  return decoder.ok();
}

// False if the packet is too short or a text is over its cap. Ignores the type in the header.
template <typename Message>
bool Decode(std::string_view packet, Message* message) {
  if (packet.size() < kHeaderSize) return false;
  Decoder decoder(packet.substr(kHeaderSize));
  message->Fields(decoder);
  return decoder.ok();
}

}  // namespace crisp::shim
