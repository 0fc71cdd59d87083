// Signal names as images and CRI write them.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

// "SIGTERM", "TERM", "15" or "SIGRTMIN+3", in either case: the number on this machine. Nothing for anything else.
std::optional<int> ParseSignal(absl::string_view text);

// Nothing for SIGNAL_RUNTIME_DEFAULT.
std::optional<int> SignalNumber(cri::Signal signal);

// SIGNAL_RUNTIME_DEFAULT for a number without a name in CRI.
cri::Signal SignalName(int number);

}  // namespace crisp
