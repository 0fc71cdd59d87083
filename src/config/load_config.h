// Reads the configuration file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace crisp {

// What crisp does without a file.
Config DefaultConfig();

// What it does for a file of `version` that says nothing else: version 2 comes from containerd 1.x, whose defaults
// differ from those of 2.x.
Config DefaultConfig(int version);

// Reads `path`; what it does not say is as in DefaultConfig(version). `warnings` gets one line for everything in it
// that does not do what it says, in the order of the file. Errors name the file, the line and the key: NotFound if
// there is no such file, InvalidArgument for what is in it, Internal if it cannot be read.
absl::StatusOr<Config> LoadConfig(const std::string& path, std::vector<std::string>* warnings);

}  // namespace crisp
