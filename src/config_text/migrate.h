// Brings a configuration file to the current version, line by line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

struct MigratedFile {
  std::string content;
  std::vector<std::string> notes;  // what was changed, a line each; empty: nothing
};

// `content` of the file `path` with these changes and no others:
// - version 1 and 2 become kWrittenVersion, and keys move to the tables where that has them; versions 3 and 4 stay.
//   What has no place there becomes a comment, unless it says something that crisp heeds.
// - endpoints of mirrors get the /v2 that their path lacks; registry.auths becomes registry.configs, sandbox_mode
//   sandboxer.
// - what a version 2 file means by saying nothing (enable_unprivileged_ports and _icmp) is written down, except in a
//   `drop_in`, a file that another one imports.
// Comments stay, those above a key with it. The result means the same, which is made sure of before it is returned, and
// migrating it again changes nothing.
//
// InvalidArgument, which names every line: what crisp refuses has to be decided by a person first, and so has a form
// that cannot be moved. InvalidArgument too, if the result would mean something else, which is a bug.
absl::StatusOr<MigratedFile> MigrateFile(const std::string& path, const std::string& content, bool drop_in);

}  // namespace crisp
