// RunChecks: runs checks side by side, each within its time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "doctor/check.h"
#include "doctor/finding.h"

namespace crisp {

struct Subject;

struct CheckReport {
  std::string name;
  std::string title;
  int milliseconds = 0;
  std::vector<Finding> findings;
};

// Returns when all have ended, or their time is over: a little after the largest limit. A check that hangs in the
// kernel (a dead NFS server) is left behind with its thread; what it had found is in the report, with a problem that
// says so. So a process that has called this ends by _exit.
std::vector<CheckReport> RunChecks(const std::vector<Check>& checks, std::shared_ptr<const Subject> subject);

// The highest of all; kOk if there is none.
Verdict WorstOf(const std::vector<CheckReport>& reports);

}  // namespace crisp
