// The check "registry": every registry and mirror of the configuration: each endpoint is asked for "/v2/".
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckRegistries(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
