// The check "cni": CNI configurations and plugins: files, programs, versions, and STATUS of networks that have it.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckCni(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
