// The check "unit": the systemd unit of crispd, as systemd has it, or its files where systemd does not run.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckUnit(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
