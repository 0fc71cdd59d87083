// Fuzzes the terminal sizes that a client sends.
#include <cstdint>
#include <cstdlib>

#include "streaming/stream_result.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = crisp::ParseResize(text);
  if (parsed.has_value() && (parsed->columns == 0 || parsed->rows == 0)) abort();
  crisp::ResizeReader whole, bytes;
  std::optional<crisp::TerminalSize> last;
  for (size_t i = 0; i < size; ++i) {
    if (const auto size_now = bytes.Feed(text.substr(i, 1))) last = size_now;
  }
  if (whole.Feed(text) != last) abort();
  return 0;
}
