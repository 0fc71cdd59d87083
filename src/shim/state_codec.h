// StateEncoder and StateDecoder: the structs of shim/state.h to bytes and back. They are Encoder and Decoder of
// shim/codec.h for a text of any length, with lists, records and descriptors.
//
//   record      u32 length, then the fields. A reader skips fields that it does not know, and gives those that are
//               missing their defaults (more), in each record of its own
//   list        u32 count, then the records
//   descriptor  u32, the number; all bits set for none
//
// Both collect the descriptors that they come across. The decoder is safe on any input, and allocates no more than a
// small multiple of its length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shim/codec.h"

namespace crisp::shim {

class StateEncoder {
 public:
  explicit StateEncoder(std::vector<int>* descriptors) : descriptors_(descriptors) {}

  void U8(uint8_t value) { Integer(value, 1); }
  void U16(uint16_t value) { Integer(value, 2); }
  void U32(uint32_t value) { Integer(value, 4); }
  void U64(uint64_t value) { Integer(value, 8); }
  void I64(int64_t value) { Integer(static_cast<uint64_t>(value), 8); }
  void Text(std::string_view value, size_t cap) {
    if (value.size() > cap) ok_ = false;
    U32(static_cast<uint32_t>(value.size()));
    bytes_.append(value);
  }
  void Descriptor(int fd) {
    U32(static_cast<uint32_t>(fd));
    if (fd >= 0) descriptors_->push_back(fd);
  }
  template <typename T>
  void Record(T& record) {
    StateEncoder inner(descriptors_);
    record.Fields(inner);
    ok_ = ok_ && inner.ok_;
    Text(inner.bytes_, UINT32_MAX);
  }
  template <typename T>
  void List(std::vector<T>& records) {
    U32(static_cast<uint32_t>(records.size()));
    for (T& record : records) Record(record);
  }

  bool more() const { return true; }  // appended fields are always written
  bool ok() const { return ok_; }     // false if a text is over its cap
  const std::string& bytes() const { return bytes_; }

 private:
  void Integer(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
  }

  std::vector<int>* descriptors_;
  std::string bytes_;
  bool ok_ = true;
};

class StateDecoder : public Decoder {
 public:
  StateDecoder(std::string_view bytes, std::vector<int>* descriptors) : Decoder(bytes), descriptors_(descriptors) {}

  void Descriptor(int& fd) {
    uint32_t number = 0;
    U32(number);
    fd = static_cast<int>(number);
    if (fd < -1) Fail();
    if (fd >= 0) descriptors_->push_back(fd);
  }
  template <typename T>
  void Record(T& record) {
    std::string_view bytes;
    View(bytes, UINT32_MAX);
    StateDecoder inner(bytes, descriptors_);
    record.Fields(inner);
    if (!inner.ok()) Fail();
  }
  template <typename T>
  void List(std::vector<T>& records) {
    uint32_t count = 0;
    U32(count);
    for (uint32_t i = 0; i < count && ok(); ++i) Record(records.emplace_back());
  }

 private:
  std::vector<int>* descriptors_;
};

}  // namespace crisp::shim
