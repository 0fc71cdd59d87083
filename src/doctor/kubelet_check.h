// The check "kubelet": the kubelet's endpoints and what else of its configuration concerns the runtime.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckKubelet(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
