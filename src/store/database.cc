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
#include "store/scratch_copy.h"
#include "store/space.h"

namespace crisp {
namespace {

constexpr char kInMemory[] =
    "the database cannot be written; pods and images can still be stopped and removed, nothing new can be made";

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

// The contents of a file that cannot be opened for writing. SQLite opens a copy, since it reads the WAL of a file only
// if it may write beside it.
absl::StatusOr<std::unique_ptr<Connection>> LoadIntoMemory(const std::string& path,
                                                           const std::vector<Migration>& migrations) {
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> memory, Connection::OpenInMemory());
  if (Exists(path)) {
    ASSIGN_OR_RETURN(const ScratchCopy copy, ScratchCopy::Make(path));
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> opened, Connect(copy.path(), migrations));
    RETURN_IF_ERROR(opened->CopyTo(*memory));
  }
  RETURN_IF_ERROR(Migrate(*memory, migrations));
  RETURN_IF_ERROR(memory->Run("PRAGMA foreign_keys=ON"));
  return memory;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  return Open(path, Migrations());
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const std::vector<Migration>& migrations) {
  std::unique_ptr<Database> database(new Database(path, migrations));
  MutexLock lock(database->mutex_);
  absl::Status opened = database->OpenFile();
  if (absl::IsDataLoss(opened)) {
    SetAside(path, opened);
    opened = database->OpenFile();
  }
  if (opened.ok()) return database;
  const bool newer = absl::IsFailedPrecondition(opened);
  if (newer || !Exists(path.substr(0, path.rfind('/')))) return opened;
  absl::StatusOr<std::unique_ptr<Connection>> memory = LoadIntoMemory(path, migrations);
  if (!memory.ok()) return Join(opened, memory.status());
  database->SetMemory(*std::move(memory));
  LogError(kInMemory, {{"database", path}, {"error", database->CannotWrite(opened).message()}});
  return database;
}

Database::~Database() {
  MutexLock lock(mutex_);
  const absl::Status written = WriteBack();
  if (!written.ok()) {
    LogError("the removals since the database could not be written are not recorded; the next start finds them again",
             {{"database", path_}, {"error", written.message()}});
  }
}

absl::Status Database::OpenFile() {
  ASSIGN_OR_RETURN(file_, Connect(path_, migrations_));
  return absl::OkStatus();
}

absl::Status Database::Change(Purpose purpose, ChangeFunction change) {
  MutexLock lock(mutex_);
  return Counted(ChangeLocked(purpose, change));
}

absl::Status Database::ChangeLocked(Purpose purpose, ChangeFunction change) {
  const absl::Status written = WriteBack();
  if (purpose == Purpose::kKeep) RETURN_IF_ERROR(written);
  const absl::Status status = RunTransaction(change);
  if (purpose == Purpose::kKeep || !IsStorageError(status)) return Explain(status);
  RETURN_IF_ERROR(MoveToMemory(Explain(status)));
  return RunTransaction(change);
}

absl::Status Database::RunOne(absl::string_view sql, const std::vector<Value>& values) {
  RETURN_IF_ERROR(WriteBack());
  return Explain(Commit(sql, values));
}

absl::Status Database::RunTransaction(ChangeFunction change) {
  Connection& connection = current();
  // IMMEDIATE takes the write lock now rather than at the first write, where nobody expects to wait.
  RETURN_IF_ERROR(connection.Run("BEGIN IMMEDIATE"), "begin a transaction");
  Transaction transaction(connection);
  absl::Status status = change(transaction);
  if (status.ok()) status = Commit("COMMIT", {});
  if (!status.ok()) connection.Run("ROLLBACK").IgnoreError();  // fails only if SQLite has rolled back already
  return status;
}

absl::Status Database::Commit(absl::string_view sql, const std::vector<Value>& values) {
  const MonoTime start = MonoClock::now();
  absl::Status status = current().Run(sql, values);
  if (memory_ == nullptr) counters_.commits.Add(MonoClock::now() - start);
  return status;
}

absl::Status Database::Counted(absl::Status status) {
  counters_.transactions.Of(status.ok() ? "ok" : "error").Add();
  return status;
}

void Database::SetMemory(std::unique_ptr<Connection> memory) {
  memory_ = std::move(memory);
  counters_.in_memory = memory_ != nullptr;
}

absl::Status Database::MoveToMemory(const absl::Status& why) {
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> memory, Connection::OpenInMemory());
  if (const absl::Status copied = file_->CopyTo(*memory); !copied.ok()) return Join(why, copied);
  RETURN_IF_ERROR(memory->Run("PRAGMA foreign_keys=ON"));
  SetMemory(std::move(memory));
  LogError(kInMemory, {{"database", path_}, {"error", why.message()}});
  return absl::OkStatus();
}

absl::Status Database::WriteBack() {
  if (memory_ == nullptr) return absl::OkStatus();
  if (file_ == nullptr) {
    if (const absl::Status opened = OpenFile(); !opened.ok()) return CannotWrite(opened);
  }
  RETURN_IF_ERROR(Explain(memory_->CopyTo(*file_)));
  SetMemory(nullptr);
  LogInfo("the database can be written again; all removals are recorded", {{"database", path_}});
  return absl::OkStatus();
}

absl::Status Database::Explain(const absl::Status& status) const {
  return IsStorageError(status) ? CannotWrite(status) : status;
}

absl::Status Database::CannotWrite(const absl::Status& status) const {
  const std::string directory = path_.substr(0, path_.rfind('/'));
  absl::Status space = CheckSpace(directory);
  if (space.ok()) space = ProbeSpace(directory);
  const std::string text = absl::StrCat("the database ", path_, " cannot be written: ", status.message());
  return space.ok() ? absl::Status(status.code(), text)
                    : absl::Status(space.code(), absl::StrCat(space.message(), ": ", text));
}

absl::Status Database::CheckWritable() {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(WriteBack());
  if (!file_->write_failed()) return absl::OkStatus();
  // The header page is written even if the value is the same.
  ASSIGN_OR_RETURN(const int64_t version, file_->QueryInt("PRAGMA user_version"));
  const absl::Status written = file_->Run(absl::StrCat("PRAGMA user_version = ", version));
  return written.ok() ? written : CannotWrite(written);
}

}  // namespace crisp
