// CDI files in both their forms, and names of devices: no crash, no endless work.
#include <cstddef>
#include <cstdint>

#include "runtime/cdi.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 3 == 2) {
    static_cast<void>(crisp::ParseCdiName(text));
  } else {
    static_cast<void>(crisp::ParseCdiSpec(text, data[0] % 3 == 1));
  }
  return 0;
}
