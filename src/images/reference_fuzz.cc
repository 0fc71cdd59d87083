// Any text as an image reference: no crash, and what is accepted stays what it is when it is read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "images/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reference = crisp::ParseReference(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!reference.ok()) return 0;
  const std::string whole = reference->String();
  const auto again = crisp::ParseReference(whole);
  if (!again.ok() || again->String() != whole) std::abort();
  if (reference->tag.empty() == reference->digest.empty()) std::abort();
  for (const char c : whole) {
    if (c <= ' ' || c > '~') std::abort();
  }
  return 0;
}
