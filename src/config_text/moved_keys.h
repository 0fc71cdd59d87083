// Where keys and tables of a file go when it is migrated.
#pragma once

#include <optional>

#include "config/key_path.h"

namespace crisp {

// The place of the key `path` of a file of `version` in a migrated one: the same path where nothing changes, also for
// keys that crisp does not know outside of the CRI's plugins. Nothing: migrated files have no place for it. Plugins
// have their names of version 2.
std::optional<KeyPath> PlaceOfKey(const KeyPath& path, int version);

// Likewise for a table, as far as all of it stays together.
std::optional<KeyPath> PlaceOfTable(const KeyPath& path, int version);

}  // namespace crisp
