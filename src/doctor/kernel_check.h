// The check "kernel": the kernel: its version, and the features that crispd and the kubelet use, each tried where a
// try is cheap.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckKernel(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
