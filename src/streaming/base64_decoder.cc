#include "streaming/base64_decoder.h"

#include <array>

namespace crisp {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNone = 64;

constexpr std::array<uint8_t, 256> MakeValues() {
  std::array<uint8_t, 256> values{};
  for (uint8_t& value : values) value = kNone;
  for (uint8_t i = 0; i < 64; ++i) values[static_cast<uint8_t>(kAlphabet[i])] = i;
  return values;
}
constexpr std::array<uint8_t, 256> kValues = MakeValues();

}  // namespace

bool Base64Decoder::Feed(absl::string_view part, std::string* out) {
  for (const char c : part) {
    if (c == '\r' || c == '\n') continue;
    const uint8_t value = kValues[static_cast<uint8_t>(c)];
    const bool pads = c == '=' && count_ >= 2;
    // Nothing but padding follows padding, and nothing at all a padded group.
    if (!pads && (value == kNone || padding_ > 0)) return false;
    padding_ += pads ? 1 : 0;
    bits_ = bits_ << 6 | (pads ? 0 : value);
    if (++count_ < 4) continue;
    for (int i = 0; i < 3 - padding_; ++i) out->push_back(static_cast<char>(bits_ >> (16 - 8 * i)));
    bits_ = 0;
    count_ = 0;
  }
  return true;
}

bool Base64Decoder::End() {
  const bool whole = count_ == 0;
  *this = Base64Decoder();
  return whole;
}

}  // namespace crisp
