// One configuration file as its text says it: the tree of its keys and its version.
#pragma once

#include <toml++/toml.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

struct ConfigFile {
  std::string path;
  toml::table table;
  int version = 0;  // 1 to kNewestVersion
};

// NotFound if there is no such file, InvalidArgument for what is in it, Internal if it cannot be read. `warnings` gets
// a line if the file's version is one that it should not have.
absl::StatusOr<ConfigFile> ReadConfigFile(const std::string& path, std::vector<std::string>* warnings);

// The same in two steps: its text, and what that says. `path` is for messages.
absl::StatusOr<std::string> ReadConfigText(const std::string& path);
absl::StatusOr<ConfigFile> ParseConfigText(const std::string& path, const std::string& content,
                                           std::vector<std::string>* warnings);

}  // namespace crisp
