// Ids of pods and containers: 64 lower-case hexadecimal characters, 256 random bits. cAdvisor finds containers by this
// form in the cgroup path.
#pragma once

#include <string>

namespace crisp {

inline constexpr size_t kIdLength = 64;

// A new random id. Aborts if the kernel has no random bytes (getrandom(2) cannot fail after boot).
std::string NewId();

}  // namespace crisp
