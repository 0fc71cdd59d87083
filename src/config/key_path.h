// Names of keys: as the table of keys has them, as a file has them, and as a person reads them.
#pragma once

#include <string>
#include <vector>

#include "config/key.h"

namespace crisp {

// The names that lead to a key from the top of the file: {"grpc", "address"}.
using KeyPath = std::vector<std::string>;

constexpr int kNewestVersion = 4;  // of the file

// Where `key` is in a file of `version`, with "*", "**" and "[]" as they are. Empty: nowhere. In version 1 it is where
// version 2 has it, once the plugins have their later names.
KeyPath PatternOf(const Key& key, int version);

// Whether `pattern` is that of the key `path`.
bool Matches(const KeyPath& pattern, const KeyPath& path);

// Whether `path` is a table on the way to a key of `pattern`.
bool LeadsTo(const KeyPath& pattern, const KeyPath& path);

// What stands in `path` for each "*" of `pattern`, which matches.
std::vector<std::string> NamesIn(const KeyPath& pattern, const KeyPath& path);

// As in a file, with dots and quotation marks: grpc.address, registry.mirrors."docker.io".endpoint. Secrets in names
// (a URL with a password) are left out.
std::string ShowPath(const KeyPath& path);

// What version 2 calls the plugin that version 1 calls `name`: "io.containerd.grpc.v1.cri" for "cri".
std::string PluginOfVersion1(const std::string& name);

// What somebody probably meant with `unknown`, in words that fit behind "did you mean ": the same key or table where
// another version has it, else the only one whose name differs by a slip of the pen, else the only one of that name in
// the same plugin. Empty: no idea. But for the first, always a key that crisp honours, or a table with one.
std::string NearestKey(const KeyPath& unknown, int version);

}  // namespace crisp
