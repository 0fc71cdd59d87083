#include "store/connection.h"

#include <sqlite3.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// How long a statement waits for the lock of another process, such as an operator's sqlite3 shell.
constexpr int kBusyMillis = 5000;

constexpr absl::string_view kStoragePayload = "crisp/storage";

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

void Bind(sqlite3_stmt* statement, int index, const Value& value) {
  const int length = static_cast<int>(value.text().size());
  switch (value.kind()) {
    case Value::Kind::kInt:
      sqlite3_bind_int64(statement, index, value.number());
      break;
    case Value::Kind::kText:
      sqlite3_bind_text(statement, index, value.text().data(), length, SQLITE_STATIC);
      break;
    case Value::Kind::kBlob:
      sqlite3_bind_blob(statement, index, length == 0 ? "" : value.text().data(), length, SQLITE_STATIC);
      break;
  }
}

absl::Status StorageError(absl::StatusCode code, const std::string& text) {
  absl::Status status(code, text);
  status.SetPayload(kStoragePayload, absl::Cord());
  return status;
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

absl::StatusOr<std::unique_ptr<Connection>> Connection::OpenHandle(const std::string& path, int more_flags) {
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | more_flags;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(path, handle));  // also after an error there is a handle
  if (opened != SQLITE_OK) return connection->Error(absl::StrCat("open ", path));
  // A large statement would else leave what it may have to undo in a file in /var/tmp, which may be full.
  RETURN_IF_ERROR(connection->Run("PRAGMA temp_store=MEMORY"), "open ", path);
  return connection;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, OpenHandle(path, 0));
  sqlite3_busy_timeout(connection->handle_, kBusyMillis);
  for (const char* pragma : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"}) {
    RETURN_IF_ERROR(connection->Run(pragma), "open ", path);
  }
  return connection;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::OpenInMemory() {
  return OpenHandle("crisp-in-memory", SQLITE_OPEN_MEMORY);
}

absl::Status Connection::CopyTo(Connection& other) const {
  sqlite3_backup* const backup = sqlite3_backup_init(other.handle_, "main", handle_, "main");
  if (backup == nullptr) return other.Error("copy the database");
  sqlite3_backup_step(backup, /*all pages*/ -1);
  if (sqlite3_backup_finish(backup) == SQLITE_OK) return absl::OkStatus();
  return other.Error("copy the database");
}

Connection::~Connection() {
  sqlite3_close(handle_);
}

absl::Status Connection::Run(absl::string_view sql, const std::vector<Value>& values, const RowCallback* each) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK) {
    return Error(sql);
  }
  const StatementPtr statement(raw);
  int index = 0;
  for (const Value& value : values) Bind(raw, ++index, value);
  int result = 0;
  while ((result = sqlite3_step(raw)) == SQLITE_ROW) {
    if (each != nullptr) (*each)(Row(raw));
  }
  if (result != SQLITE_DONE) {
    write_failed_ = true;
    return Error(sql);
  }
  if (sqlite3_stmt_readonly(raw) == 0) write_failed_ = false;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Connection::QueryInt(absl::string_view sql) {
  int64_t number = 0;
  const RowCallback each = [&](const Row& row) { number = row.Int(0); };
  RETURN_IF_ERROR(Run(sql, {}, &each));
  return number;
}

bool IsStorageError(const absl::Status& status) {
  return status.GetPayload(kStoragePayload).has_value();
}

absl::Status Connection::Error(absl::string_view what) const {
  const std::string text = absl::StrCat("database: ", what, ": ", sqlite3_errmsg(handle_));
  const int code = sqlite3_errcode(handle_) & 0xff;  // the other bits are those of extended codes
  switch (code) {
    case SQLITE_FULL:
      return StorageError(absl::StatusCode::kResourceExhausted, text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return StorageError(absl::StatusCode::kInternal, text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(text);
    default:
      return absl::InternalError(text);
  }
}

}  // namespace crisp
