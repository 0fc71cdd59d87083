// `crispd doctor`: looks at a node, prints what is wrong and what to do, and changes nothing.
//
// Exit status: 0 nothing is wrong, or there are only notes and warnings; 1 there is a problem; 2 the arguments are
// wrong.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "commands/answer.h"
#include "doctor/check.h"
#include "doctor/subject.h"

namespace crisp {

struct DoctorArguments {
  DoctorOptions options;
  std::vector<std::string> checks;  // names; empty: all
  bool json = false;
};

// Those of AllChecks() with these names, in its order. InvalidArgument, with all names, for a name that is not one.
absl::StatusOr<std::vector<Check>> ChosenChecks(const std::vector<std::string>& names);

// Takes as long as the slowest check, and at most a little more than the longest limit of AllChecks(). Afterwards the
// caller ends the process by _exit: a check that hangs leaves a thread behind.
Answer RunDoctor(const DoctorArguments& arguments);

}  // namespace crisp
