// The check "clock": synchronised, and not before the program was built.
#pragma once

#include <cstdint>

namespace crisp {

class CallContext;
class Findings;
struct Subject;

struct ClockFacts {
  int64_t now = 0;            // seconds since 1970
  int64_t program = 0;        // when the file of this program was written
  bool synchronised = false;  // the kernel is told so by NTP or PTP (adjtimex(2): no STA_UNSYNC)
  bool known = false;         // adjtimex(2) answered
};

void JudgeClock(const ClockFacts& facts, Findings* findings);

void CheckClock(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
