// The check "containerd": what an earlier container runtime left: processes, sockets, state, and crictl's endpoint.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckContainerd(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
