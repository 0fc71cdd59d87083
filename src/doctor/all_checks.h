// All checks of the doctor, in the order in which they are printed.
#pragma once

#include <vector>

#include "doctor/check.h"

namespace crisp {

std::vector<Check> AllChecks();

}  // namespace crisp
