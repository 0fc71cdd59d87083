// SignalText: puts a line together in a signal handler: no memory is allocated and no lock is taken.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace crisp {

// What does not fit is left out.
class SignalText {
 public:
  SignalText& operator<<(absl::string_view text) {
    const size_t length = std::min(text.size(), text_.size() - size_);
    memcpy(text_.data() + size_, text.data(), length);
    size_ += length;
    return *this;
  }
  SignalText& operator<<(int64_t number) {
    if (number < 0) *this << "-";
    return Digits(number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number), 10);
  }
  // "0x1c4d5".
  SignalText& Hex(uint64_t number) { return (*this << "0x").Digits(number, 16); }

  absl::string_view text() const { return {text_.data(), size_}; }

 private:
  SignalText& Digits(uint64_t number, uint64_t base) {
    std::array<char, 20> digits{};
    auto* first = digits.end();
    do {
      *--first = "0123456789abcdef"[number % base];
    } while ((number /= base) != 0);
    return *this << absl::string_view(first, static_cast<size_t>(digits.end() - first));
  }

  std::array<char, 1024> text_{};
  size_t size_ = 0;
};

}  // namespace crisp
