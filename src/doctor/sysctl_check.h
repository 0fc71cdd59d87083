// The check "sysctl": sysctls that pods' networks need, and tables of the kernel that are nearly full.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckSysctls(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
