// Base64Decoder: decodes base64 (RFC 4648, section 4, with padding) that arrives in parts of any size. Line breaks are
// skipped, as Go's decoder does. Pure; it buffers less than four characters.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

class Base64Decoder {
 public:
  // Appends the bytes of `part` to `out`. False if it is not base64; the decoder cannot be used after that.
  bool Feed(absl::string_view part, std::string* out);
  // True if the text may end here. Then the decoder is as new.
  bool End();

 private:
  uint32_t bits_ = 0;  // of the characters of the group that has begun
  int count_ = 0;      // its characters, with padding
  int padding_ = 0;    // of the last group
};

}  // namespace crisp
