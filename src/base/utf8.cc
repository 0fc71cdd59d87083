#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace crisp {
namespace {

// The forms of Unicode 15, table 3-7: by its first byte, how long a sequence is and what its second byte may be.
struct Utf8Form {
  uint8_t first_from, first_to;
  uint8_t length;
  uint8_t second_from, second_to;
};
constexpr std::array<Utf8Form, 8> kUtf8Forms = {{{0xc2, 0xdf, 2, 0x80, 0xbf},
                                                 {0xe0, 0xe0, 3, 0xa0, 0xbf},
                                                 {0xe1, 0xec, 3, 0x80, 0xbf},
                                                 {0xed, 0xed, 3, 0x80, 0x9f},
                                                 {0xee, 0xef, 3, 0x80, 0xbf},
                                                 {0xf0, 0xf0, 4, 0x90, 0xbf},
                                                 {0xf1, 0xf3, 4, 0x80, 0xbf},
                                                 {0xf4, 0xf4, 4, 0x80, 0x8f}}};

bool InRange(char c, uint8_t from, uint8_t to) {
  const auto byte = static_cast<uint8_t>(c);
  return byte >= from && byte <= to;
}

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";

}  // namespace

size_t Utf8SequenceLength(absl::string_view text) {
  for (const Utf8Form& form : kUtf8Forms) {
    if (!InRange(text[0], form.first_from, form.first_to)) continue;
    if (text.size() < form.length || !InRange(text[1], form.second_from, form.second_to)) return 0;
    const absl::string_view rest = text.substr(2, form.length - 2);
    return std::all_of(rest.begin(), rest.end(), [](char c) { return InRange(c, 0x80, 0xbf); }) ? form.length : 0;
  }
  return 0;
}

std::string ToUtf8(absl::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const size_t length = static_cast<uint8_t>(text[0]) < 0x80 ? 1 : Utf8SequenceLength(text);
    const absl::string_view piece = length == 0 ? kReplacement : text.substr(0, length);
    valid.append(piece.data(), piece.size());
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return valid;
}

}  // namespace crisp
