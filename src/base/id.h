// Ids of pods and containers: 64 lower-case hexadecimal characters, 256 random bits. cAdvisor finds containers by this
// form in the cgroup path.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

inline constexpr size_t kIdLength = 64;

// A new random id. Aborts if the kernel has no random bytes (getrandom(2) cannot fail after boot).
std::string NewId();

// True for 64 lower-case hexadecimal characters.
bool IsId(absl::string_view text);

// The first 13 characters: what logs and interface names show, as other runtimes do.
absl::string_view ShortId(absl::string_view id);

}  // namespace crisp
