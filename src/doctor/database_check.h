// The check "database": the database: its size, and its integrity while no daemon has it open.
#pragma once

namespace crisp {

class CallContext;
class Findings;
struct Subject;

void CheckDatabase(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
