// The tables of the database. An operator with the sqlite3 shell finds their meaning in schema.cc.
#pragma once

#include <vector>

#include "store/migration.h"

namespace crisp {

// The steps that lead to the current schema (migration.h). A change is a new entry at the end, for example
//   {{"ALTER TABLE pods ADD COLUMN started INTEGER NOT NULL DEFAULT 0"}}
// A released entry is never edited: files exist that it has been applied to.
const std::vector<Migration>& Migrations();

}  // namespace crisp
