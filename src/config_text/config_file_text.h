// Whole configuration files as text, in the layout that containerd has had since 2.0.
#pragma once

#include <string>
#include <vector>

#include "config/key_path.h"
#include "config/load_config.h"

namespace crisp {

// The version of files that crisp writes. Every containerd since 2.0 reads version 3, so that a node can go back to
// whichever it had. Version 4 is read from 2.3 on only. Version 2 is what containerd 1.x reads, and has its defaults.
constexpr int kWrittenVersion = 3;

// Where `key` is in the files that crisp writes, with `names` for its stars.
KeyPath WrittenPath(const Key& key, const std::vector<std::string>& names);

// Every key that crisp honours, with what it means, at its default. A key or table whose name the user chooses is a
// comment. The file loads as DefaultConfig(), without a warning.
std::string DefaultFile();

// The values of `reading`, whose configuration is OK, each with where it comes from. The file loads as the same
// configuration, but for secrets, which are left out and say so in a comment.
std::string DumpFile(const Reading& reading);

// The same for programs: an object with "files", the names of those that were read, and "values", an array of objects
// with "key" (its path in version 3), "value", and "file" and "line", or "default": true. A secret has "hidden": true
// in place of a value.
std::string DumpJson(const Reading& reading);

}  // namespace crisp
