// The check "image": the pause image: on the node, or else whether an endpoint has it.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckImage(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
