#include "doctor/finding.h"

#include <array>

namespace crisp {

const char* NameOf(Verdict verdict) {
  constexpr std::array<const char*, 4> kNames = {"ok", "note", "warning", "problem"};
  return kNames[static_cast<size_t>(verdict)];
}

}  // namespace crisp
