#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "store/schema.h"

namespace crisp {
namespace {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// The environment of every pod is in it, and everybody can pass the directory. What SQLite makes beside it gets the
// mode of the file itself; what is there already may be of an older version, or have been set aside by one.
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

}  // namespace

int64_t Row::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Row::Text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return "";
  return std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

Database::Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Database::Transaction::~Transaction() {
  if (database_ == nullptr) return;
  sqlite3_exec(database_->handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  database_->mutex_.Unlock();
}

int64_t Database::Transaction::changes() const {
  return sqlite3_changes64(database_->handle_);
}

absl::Status Database::Transaction::Commit() {
  if (sqlite3_exec(database_->handle_, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK) {
    database_->write_failed_ = true;
    return database_->Error("commit");  // the destructor rolls back
  }
  Database* database = std::exchange(database_, nullptr);
  database->write_failed_ = false;
  database->mutex_.Unlock();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  RETURN_IF_ERROR(KeepPrivate(path), "database");
  auto database = std::unique_ptr<Database>(new Database());
  const absl::Status connected = database->Connect(path);
  if (connected.ok()) return database;
  if (!absl::IsDataLoss(connected)) return connected;

  const std::string aside = absl::StrCat(path, ".unreadable-", WallNanos());
  LogError("the database cannot be read; it is set aside and a new one begun",
           {{"database", path}, {"kept_as", aside}, {"error", connected.message()}});
  database = std::unique_ptr<Database>(new Database());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    rename(absl::StrCat(path, suffix).c_str(), absl::StrCat(aside, suffix).c_str());
  }
  RETURN_IF_ERROR(KeepPrivate(path), "database");
  RETURN_IF_ERROR(database->Connect(path));
  return database;
}

Database::~Database() {
  sqlite3_close(handle_);
}

absl::Status Database::Connect(const std::string& path) {
  MutexLock lock(mutex_);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) return Error(absl::StrCat("open ", path));
  // A reader of an operator's may hold a lock for a moment.
  sqlite3_busy_timeout(handle_, 5000);
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"}) {
    if (sqlite3_exec(handle_, pragma, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return Error(absl::StrCat("open ", path, ": ", pragma));
    }
  }
  for (const std::string& statement : SchemaStatements()) {
    if (sqlite3_exec(handle_, statement.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      return Error(absl::StrCat("open ", path, ": ", statement));
    }
  }
  return Annotate(CheckPages(), absl::StrCat("open ", path));
}

absl::Status Database::CheckPages() {
  std::string found;
  const RowCallback each = [&](const Row& row) { found = row.Text(0); };
  RETURN_IF_ERROR(RunStatement("PRAGMA quick_check(1)", {}, &each));
  return found == "ok" ? absl::OkStatus() : absl::DataLossError(absl::StrCat("database: ", found));
}

absl::StatusOr<Database::Transaction> Database::Begin() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  mutex_.Lock();
  // IMMEDIATE: the write lock is taken now, where waiting is expected, and not at the first write.
  if (sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK) {
    absl::Status error = Error("begin a transaction");
    mutex_.Unlock();
    return error;
  }
  return Transaction(this);
}

absl::Status Database::RunAlone(absl::string_view sql, const std::vector<Value>& values) {
  MutexLock lock(mutex_);
  const absl::Status status = RunStatement(sql, values, nullptr);
  write_failed_ = !status.ok();
  return status;
}

absl::Status Database::CheckWritable() {
  {
    MutexLock lock(mutex_);
    if (!write_failed_) return absl::OkStatus();
  }
  // The header page is written even if the value is the same.
  int64_t version = 0;
  RETURN_IF_ERROR(Query("PRAGMA user_version", [&version](const Row& row) { version = row.Int(0); }));
  ASSIGN_OR_RETURN(Transaction transaction, Begin());
  RETURN_IF_ERROR(transaction.Run(absl::StrCat("PRAGMA user_version = ", version)));
  return transaction.Commit();
}

absl::Status Database::RunStatement(absl::string_view sql, const std::vector<Value>& values, const RowCallback* each) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK) {
    return Error(sql);
  }
  const StatementPtr statement(raw);
  int index = 0;
  for (const Value& value : values) {
    ++index;
    const int length = static_cast<int>(value.text_.size());
    switch (value.kind_) {
      case Value::Kind::kInt:
        sqlite3_bind_int64(raw, index, value.number_);
        break;
      case Value::Kind::kText:
        sqlite3_bind_text(raw, index, value.text_.data(), length, SQLITE_STATIC);
        break;
      case Value::Kind::kBlob:
        sqlite3_bind_blob(raw, index, length == 0 ? "" : value.text_.data(), length, SQLITE_STATIC);
        break;
    }
  }
  int result = 0;
  while ((result = sqlite3_step(raw)) == SQLITE_ROW) {
    if (each != nullptr) (*each)(Row(raw));
  }
  return result == SQLITE_DONE ? absl::OkStatus() : Error(sql);
}

absl::Status Database::Error(absl::string_view what) const {
  const std::string text = absl::StrCat("database: ", what, ": ", sqlite3_errmsg(handle_));
  switch (sqlite3_errcode(handle_) & 0xff) {  // extended codes have more bits
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(text);
    default:
      return absl::InternalError(text);
  }
}

}  // namespace crisp
