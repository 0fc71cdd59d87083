#include "doctor/database_reader.h"

#include <memory>

#include "base/status_macros.h"
#include "store/connection.h"
#include "store/schema.h"
#include "store/scratch_copy.h"

namespace crisp {

absl::StatusOr<DatabaseFacts> ReadDatabaseFacts(const std::string& path) {
  ASSIGN_OR_RETURN(const ScratchCopy copy, ScratchCopy::Make(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(copy.path()));
  DatabaseFacts facts;
  const RowCallback each = [&](const Row& row) {
    if (row.Text(0) != "ok") facts.faults.push_back(row.Text(0));
  };
  RETURN_IF_ERROR(connection->Run("PRAGMA quick_check(10)", {}, &each));
  ASSIGN_OR_RETURN(facts.version, connection->QueryInt("PRAGMA user_version"));
  facts.newest = static_cast<int64_t>(Migrations().size());
  return facts;
}

absl::StatusOr<bool> DatabaseHasImage(const std::string& path, const std::string& name) {
  ASSIGN_OR_RETURN(const ScratchCopy copy, ScratchCopy::Make(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(copy.path()));
  bool found = false;
  const RowCallback each = [&](const Row&) { found = true; };
  RETURN_IF_ERROR(connection->Run("SELECT 1 FROM image_names WHERE name = ?", {Value(name)}, &each));
  return found;
}

}  // namespace crisp
