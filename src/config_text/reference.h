// The manual of the configuration file: every key, from the table of keys.
#pragma once

#include <string>

namespace crisp {

// docs/configuration.md.
std::string ConfigurationPage();

// The manual page crispd-config(5), in mdoc(7).
std::string ConfigurationManual();

}  // namespace crisp
