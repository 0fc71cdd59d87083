// Migration: how a database file of an older crisp gets its current form.
//
// A file has its version in PRAGMA user_version. Files that were written before versions existed have version 0, like
// an empty file, and the tables of version 1.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace crisp {

class Connection;

// One step to the next version. Its statements may rebuild tables: foreign keys are not enforced while they run. A
// step after which more rows than before refer to nothing fails.
struct Migration {
  std::vector<std::string> statements;
};

// FailedPrecondition, saying what to do, if the file has a version for which `migrations` have no entry: it was written
// by a newer crisp. Reads only.
absl::Status CheckVersion(Connection& connection, const std::vector<Migration>& migrations);

// Brings the file to version migrations.size(): the entry at index N leads from version N to N + 1. Each step is one
// transaction together with its version, so an interrupted migration is continued by the next call. The caller has
// called CheckVersion, and turns foreign keys on afterwards.
absl::Status Migrate(Connection& connection, const std::vector<Migration>& migrations);

}  // namespace crisp
