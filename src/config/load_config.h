// Reads the configuration file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace crisp {

// What crisp does without a file.
Config DefaultConfig();

// What it does for a file of `version` that says nothing else: versions 1 and 2 come from containerd 1.x, whose
// defaults differ from those of 2.x.
Config DefaultConfig(int version);

// Reads `path` and the files that it imports. Of a key that is in several of them the last one counts, whatever its
// type: first comes the importing file, then what it imports in that order, then what those import. Tables are one.
// What no file says is as in DefaultConfig(version of `path`), or DefaultConfig() if `path` is empty. `warnings` gets
// one line for everything that does not do what it says, in the order of the files. Errors name the file, the line and
// the key: NotFound if there is no such file, InvalidArgument for what is in it, Internal if it cannot be read.
absl::StatusOr<Config> LoadConfig(const std::string& path, std::vector<std::string>* warnings);

}  // namespace crisp
