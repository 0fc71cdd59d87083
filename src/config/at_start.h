// The keys that are read when crispd starts, and not when it reads its configuration again. All others count at once.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/key.h"

namespace crisp {

// Whether a change of `key` waits for the next start.
bool IsReadAtStart(const Key& key);

// Gives `next` what `running` has of these keys. Returns the keys that differed, as Key::path has them.
std::vector<std::string> KeepWhatIsReadAtStart(const Config& running, Config* next);

}  // namespace crisp
