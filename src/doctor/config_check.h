// The check "config": the configuration file: whether it can be loaded, and what in it does nothing.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckConfig(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
