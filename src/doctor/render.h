// The doctor's report, for people and for machines.
//
// Plain functions, callable from any thread.
#pragma once

#include <string>
#include <vector>

#include "doctor/runner.h"

namespace crisp {

// Grouped by check; a line for each finding, and behind what is not ok a line with what to do. A summary at the end.
// `colours`: with the escape sequences of a terminal.
std::string ReportText(const std::vector<CheckReport>& reports, bool colours);

// One object:
//
//   {"version": "0.1.0", "verdict": "warning",
//    "checks": [{"name": "kernel", "title": "…", "verdict": "ok", "milliseconds": 12,
//                "findings": [{"name": "kernel.version", "verdict": "ok", "object": "…", "finding": "…", "remedy":
//                ""}]}]}
//
// Fields may be added; those that are there keep their names and meaning.
std::string ReportJson(const std::vector<CheckReport>& reports);

}  // namespace crisp
