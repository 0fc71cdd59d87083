#include "store/database.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "store/migration.h"
#include "store/schema.h"

namespace crisp {
namespace {

// The records hold the environment of every container, and any user can pass the directory. SQLite gives the files that
// it creates the mode of the database; files that exist may be of an older crisp, or have been set aside.
absl::Status KeepPrivate(const std::string& path) {
  RETURN_IF_ERROR(OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0600));
  const size_t slash = path.rfind('/');
  const std::string directory = path.substr(0, slash);
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(directory));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, path.substr(slash + 1))) continue;
    const std::string file = absl::StrCat(directory, "/", name);
    if (chmod(file.c_str(), 0600) != 0) return ErrnoStatus(errno, absl::StrCat("chmod ", file));
  }
  return absl::OkStatus();
}

absl::Status CheckPages(Connection& connection) {
  std::string found;
  const RowCallback each = [&](const Row& row) { found = row.Text(0); };
  RETURN_IF_ERROR(connection.Run("PRAGMA quick_check(1)", {}, &each));
  return found == "ok" ? absl::OkStatus() : absl::DataLossError(absl::StrCat("database: ", found));
}

// The version comes first: what a newer crisp has written may look damaged to this one.
absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& path, const std::vector<Migration>& migrations) {
  RETURN_IF_ERROR(KeepPrivate(path), "database");
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(path));
  RETURN_IF_ERROR(CheckVersion(*connection, migrations));
  RETURN_IF_ERROR(CheckPages(*connection), "open ", path);
  RETURN_IF_ERROR(Migrate(*connection, migrations));
  RETURN_IF_ERROR(connection->Run("PRAGMA foreign_keys=ON"), "open ", path);
  return connection;
}

void SetAside(const std::string& path, const absl::Status& why) {
  const std::string aside = absl::StrCat(path, ".unreadable-", WallNanos());
  LogError("the database cannot be read: it is set aside and a new one is created",
           {{"database", path}, {"kept_as", aside}, {"error", why.message()}});
  for (const char* suffix : {"", "-wal", "-shm"}) {
    rename(absl::StrCat(path, suffix).c_str(), absl::StrCat(aside, suffix).c_str());
  }
}

}  // namespace

Database::Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Database::Transaction::~Transaction() {
  if (database_ == nullptr) return;
  database_->LockedConnection().Run("ROLLBACK").IgnoreError();  // fails only if SQLite has rolled back already
  End();
}

absl::Status Database::Transaction::Commit() {
  RETURN_IF_ERROR(database_->LockedConnection().Run("COMMIT"));  // after an error the destructor rolls back
  End();
  return absl::OkStatus();
}

void Database::Transaction::End() {
  std::exchange(database_, nullptr)->mutex_.Unlock();
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  return Open(path, Migrations());
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const std::vector<Migration>& migrations) {
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connect(path, migrations);
  if (absl::IsDataLoss(connection.status())) {
    SetAside(path, connection.status());
    connection = Connect(path, migrations);
  }
  RETURN_IF_ERROR(connection);
  return std::unique_ptr<Database>(new Database(*std::move(connection)));
}

absl::StatusOr<Database::Transaction> Database::Begin() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  mutex_.Lock();
  // IMMEDIATE takes the write lock now rather than at the first write, where nobody expects to wait.
  if (absl::Status status = connection_->Run("BEGIN IMMEDIATE"); !status.ok()) {
    mutex_.Unlock();
    return Annotate(status, "begin a transaction");
  }
  return Transaction(this);
}

absl::Status Database::CheckWritable() {
  MutexLock lock(mutex_);
  if (!connection_->write_failed()) return absl::OkStatus();
  // The header page is written even if the value is the same.
  ASSIGN_OR_RETURN(const int64_t version, connection_->QueryInt("PRAGMA user_version"));
  return connection_->Run(absl::StrCat("PRAGMA user_version = ", version));
}

}  // namespace crisp
