#include "base/id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace crisp {

std::string NewId() {
  std::array<char, kIdLength / 2> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

bool IsId(absl::string_view text) {
  return text.size() == kIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

absl::string_view ShortId(absl::string_view id) {
  return id.substr(0, 13);
}

}  // namespace crisp
