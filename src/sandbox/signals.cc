#include "sandbox/signals.h"

#include <csignal>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace crisp {
namespace {

// "RTMIN+3" or "RTMAX-2".
std::optional<int> ParseRealTime(absl::string_view name) {
  int offset = 0;
  if (name == "RTMIN") return SIGRTMIN;
  if (name == "RTMAX") return SIGRTMAX;
  if (absl::ConsumePrefix(&name, "RTMIN+") && absl::SimpleAtoi(name, &offset)) {
    if (offset >= 0 && SIGRTMIN + offset <= SIGRTMAX) return SIGRTMIN + offset;
  } else if (absl::ConsumePrefix(&name, "RTMAX-") && absl::SimpleAtoi(name, &offset)) {
    if (offset >= 0 && SIGRTMAX - offset >= SIGRTMIN) return SIGRTMAX - offset;
  }
  return std::nullopt;
}

// The second names of signals, which sigabbrev_np(3) does not give.
std::optional<int> ParseAlias(absl::string_view name) {
  if (name == "IOT") return SIGABRT;
  if (name == "CLD") return SIGCHLD;
  if (name == "IO" || name == "POLL") return SIGIO;
  return std::nullopt;
}

}  // namespace

std::optional<int> ParseSignal(absl::string_view text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) {
    if (number > 0 && number <= SIGRTMAX) return number;
    return std::nullopt;
  }
  const std::string upper = absl::AsciiStrToUpper(text);
  const absl::string_view name = absl::StripPrefix(upper, "SIG");
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* abbreviation = sigabbrev_np(signal);
    if (abbreviation != nullptr && name == abbreviation) return signal;
  }
  if (const auto alias = ParseAlias(name)) return alias;
  return ParseRealTime(name);
}

std::optional<int> SignalNumber(cri::Signal signal) {
  if (signal == cri::SIGNAL_RUNTIME_DEFAULT) return std::nullopt;
  const std::string name =
      absl::StrReplaceAll(cri::Signal_Name(signal), {{"SIGNAL_", ""}, {"PLUS", "+"}, {"MINUS", "-"}});
  return ParseSignal(name);
}

cri::Signal SignalName(int number) {
  for (int value = cri::Signal_MIN; value <= cri::Signal_MAX; ++value) {
    if (cri::Signal_IsValid(value) && SignalNumber(static_cast<cri::Signal>(value)) == number) {
      return static_cast<cri::Signal>(value);
    }
  }
  return cri::SIGNAL_RUNTIME_DEFAULT;
}

}  // namespace crisp
