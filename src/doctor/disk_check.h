// The check "disk": the file systems of root and state: free space, features that layers need, what could not be
// removed.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckDisk(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
