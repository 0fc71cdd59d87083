// The check "daemon": the running daemon, if it answers: its version, its conditions, operations that take long.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckDaemon(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
