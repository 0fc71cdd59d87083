#include "store/migration.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "store/connection.h"

namespace crisp {
namespace {

absl::StatusOr<int64_t> VersionOf(Connection& connection) {
  return connection.QueryInt("PRAGMA user_version");
}

// Rows that refer to a row that does not exist, and the table of one of them.
struct Orphans {
  int64_t rows = 0;
  std::string table;
};

absl::StatusOr<Orphans> FindOrphans(Connection& connection) {
  Orphans orphans;
  const RowCallback each = [&](const Row& row) {
    ++orphans.rows;
    orphans.table = row.Text(0);
  };
  RETURN_IF_ERROR(connection.Run("PRAGMA foreign_key_check", {}, &each));
  return orphans;
}

// Orphans that were there before are not the step's fault, and no reason not to start.
absl::Status RunStatements(Connection& connection, const Migration& migration) {
  ASSIGN_OR_RETURN(const Orphans before, FindOrphans(connection));
  for (const std::string& statement : migration.statements) RETURN_IF_ERROR(connection.Run(statement));
  ASSIGN_OR_RETURN(const Orphans after, FindOrphans(connection));
  if (after.rows <= before.rows) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("a row of the table ", after.table, " refers to a row that does not exist"));
}

absl::Status RunStep(Connection& connection, const Migration& migration, int64_t version) {
  RETURN_IF_ERROR(connection.Run("BEGIN IMMEDIATE"));
  absl::Status status = RunStatements(connection, migration);
  if (status.ok()) status = connection.Run(absl::StrCat("PRAGMA user_version = ", version));
  if (status.ok()) status = connection.Run("COMMIT");
  if (status.ok()) return status;
  connection.Run("ROLLBACK").IgnoreError();  // fails only if SQLite has rolled back already
  return status;
}

}  // namespace

absl::Status CheckVersion(Connection& connection, const std::vector<Migration>& migrations) {
  ASSIGN_OR_RETURN(const int64_t version, VersionOf(connection));
  const auto known = static_cast<int64_t>(migrations.size());
  if (version >= 0 && version <= known) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "database ", connection.path(), " has version ", version, ", and this crisp knows versions up to ", known,
      ": it was written by a newer crisp. Install that one again; or, to begin with an empty database, stop all pods "
      "and move the file away together with its -wal"));
}

absl::Status Migrate(Connection& connection, const std::vector<Migration>& migrations) {
  ASSIGN_OR_RETURN(const int64_t found, VersionOf(connection));
  ASSIGN_OR_RETURN(const int64_t tables, connection.QueryInt("SELECT count(*) FROM sqlite_schema"));
  const auto newest = static_cast<int64_t>(migrations.size());
  for (int64_t version = found + 1; version <= newest; ++version) {
    RETURN_IF_ERROR(RunStep(connection, migrations[static_cast<size_t>(version - 1)], version), "database ",
                    connection.path(), ": migrate to version ", version);
  }
  if (found != newest && tables > 0) {
    LogInfo("database migrated", {{"database", connection.path()}, {"from", found}, {"to", newest}});
  }
  return absl::OkStatus();
}

}  // namespace crisp
