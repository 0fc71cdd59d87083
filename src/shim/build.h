// The name of a build of crisp-shim: its version and its build id (ld(1), --build-id), which differs whenever the
// program does. Two programs of one name are the same.
#pragma once

#include <string>

namespace crisp::shim {

// Of the program that runs: "0.1.0 3f2a…", with "unknown" for a program that was linked without a build id.
std::string BuildName();

}  // namespace crisp::shim
