// What crisp makes of a configuration file, key by key.
#pragma once

#include <string>

#include "config/load_config.h"

namespace crisp {

struct CheckResult {
  std::string text;  // a line for each key, by files, and a sum
  int refused = 0;   // keys and files for which crispd does not start
  int warnings = 0;  // what it warns of
};

CheckResult CheckFile(const Reading& reading);

}  // namespace crisp
