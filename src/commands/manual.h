// The manual page of crispd's command line.
#pragma once

#include <string>

namespace crisp {

// crispd(8), in mdoc(7), from what --help says.
std::string CommandManual();

}  // namespace crisp
