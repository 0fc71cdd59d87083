#include "doctor/clock_check.h"

#include <sys/stat.h>
#include <sys/timex.h>

#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "doctor/finding.h"
#include "doctor/units.h"

namespace crisp {
namespace {

// A package's files can be written by a clock that is ahead.
constexpr int64_t kTolerance = 86400;

ClockFacts ReadClock() {
  ClockFacts facts;
  facts.now = time(nullptr);
  timex state{};  // modes 0: reads only
  facts.known = adjtimex(&state) >= 0;
  facts.synchronised = facts.known && (state.status & STA_UNSYNC) == 0;
  struct stat info {};
  if (stat("/proc/self/exe", &info) == 0) facts.program = info.st_mtim.tv_sec;
  return facts;
}

}  // namespace

void JudgeClock(const ClockFacts& facts, Findings* findings) {
  if (facts.synchronised) {
    findings->Ok("synchronised", "adjtimex(2)", "the kernel's clock is kept by a time service");
  } else if (facts.known) {
    findings->Warn(
        "synchronised", "adjtimex(2)", "no time service keeps the clock",
        "install chrony or enable systemd-timesyncd; a wrong clock breaks TLS and the times of logs and events");
  } else {
    findings->Note("synchronised", "adjtimex(2)", "the kernel does not tell here");
  }
  const std::string now = DayText(facts.now);
  if (facts.now + kTolerance >= facts.program) return findings->Ok("plausible", now, "is after this program was built");
  findings->Problem(
      "plausible", now,
      absl::StrCat("is before this program was built (", DayText(facts.program), "): certificates are not yet valid"),
      "set the clock");
}

void CheckClock(const Subject&, Findings* findings, const CallContext&) {
  JudgeClock(ReadClock(), findings);
}

}  // namespace crisp
