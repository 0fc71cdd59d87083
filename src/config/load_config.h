// Reads the configuration file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "config/key_finding.h"

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

// The same with all that was found on the way.
struct Reading {
  absl::StatusOr<Config> config;      // as LoadConfig returns it
  std::vector<std::string> warnings;  // as LoadConfig gives them
  std::vector<std::string> files;     // those that were read, in order
  int version = 0;                    // of the first one; 0: it cannot be read
  // Every key of these files, in order, and what is wrong with a file as a whole. With errors there is at least one
  // that is refused, and the reading goes on behind it as far as it can.
  std::vector<KeyFinding> findings;
};

Reading ReadConfiguration(const std::string& path);

// What one file alone says, without its imports. Its default runtime may be one that another file has. `path` is for
// messages.
Reading ReadConfigurationText(const std::string& path, const std::string& content);

}  // namespace crisp
