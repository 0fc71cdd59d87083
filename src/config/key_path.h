// Names of keys: as the table of keys has them, as a file has them, and as a person reads them.
#pragma once

#include <string>
#include <vector>

#include "config/key.h"

namespace crisp {

// The names that lead to a key from the top of the file: {"grpc", "address"}.
using KeyPath = std::vector<std::string>;

// Where `key` is in a file of `version`, 2 or 3, with "*" and "**" as they are. Empty: nowhere.
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

// What somebody probably meant with `unknown`, in words that fit behind "did you mean ": the same key where the other
// version has it, else the key or table with the most similar name, else a key of that name elsewhere. Empty: no idea.
// Never a key that is refused.
std::string NearestKey(const KeyPath& unknown, int version);

}  // namespace crisp
