// Profiles written by anybody: no crash, no endless work, and what comes out is again a profile.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/seccomp_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const crisp::SeccompHost host{uint64_t{1} << 21, "x86_64", 6, 1};
  const auto profile = crisp::ParseSeccompProfile(text, host);
  if (!profile.ok()) return 0;
  const auto again = crisp::ParseSeccompProfile(profile->dump(), host);
  if (!again.ok() || *again != *profile) abort();
  return 0;
}
