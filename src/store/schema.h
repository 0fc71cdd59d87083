// The tables of the database. One place, so that an operator with the sqlite3 shell finds their meaning here.
#pragma once

#include <string>
#include <vector>

namespace crisp {

// Statements that make every table that is not there yet. Run at every start; a change of form becomes a further
// statement at the end, never an edit of one that has been released.
const std::vector<std::string>& SchemaStatements();

}  // namespace crisp
