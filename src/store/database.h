// Database: one SQLite file with a write-ahead log and synchronous=FULL. A committed transaction survives a power cut,
// at the cost of one fdatasync.
//
//   database.Keep([&](Database::Transaction& transaction) -> absl::Status {
//     RETURN_IF_ERROR(transaction.Run("INSERT INTO images (id, config, size) VALUES (?, ?, ?)", id, config, size));
//     return transaction.Run("INSERT INTO image_names (name, image_id, is_digest) VALUES (?, ?, ?)", name, id, false);
//   });
//
// A file that cannot be written must not keep a node from being emptied. So a change has a purpose:
//
//   kKeep   It must be on disk when the caller goes on. It fails while the file cannot be written.
//   kFree   It gives resources back. If the file cannot be written, the contents are copied to memory and changed
//           there. From then on all reads see the copy, until a later change can write it to the file. If the daemon
//           dies before that, the file still has the rows of what was removed. The next daemon finds them as rows
//           without objects, as after a daemon that died between a removal and its row.
//
// Thread-safe: the database is locked while a transaction runs. Do not wait for anything else in one. Errors: see
// Connection; those of a file that cannot be written name it and the state of its file system.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "store/connection.h"
#include "store/database_counters.h"
#include "store/migration.h"

namespace crisp {

class Database {
 public:
  enum class Purpose { kKeep, kFree };

  class Transaction {
   public:
    explicit Transaction(Connection& connection) : connection_(connection) {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    template <typename... Values>
    absl::Status Run(absl::string_view sql, const Values&... values) {
      return connection_.Run(sql, {Value(values)...});
    }
    template <typename... Values>
    absl::Status Query(absl::string_view sql, const RowCallback& each, const Values&... values) {
      return connection_.Run(sql, {Value(values)...}, &each);
    }

   private:
    Connection& connection_;
  };

  // Opens or creates `path`, which is absolute, and migrates it to the current schema (schema.h). All files whose names
  // begin with `path` get mode 0600. Every page is checked, which takes about 6 ms with 1000 pods of three containers.
  // A file that is not a database or has a damaged page is renamed to "<path>.unreadable-<time>", which is logged, and
  // a new file is created. A file that cannot be opened for writing, because its file system is full or read-only, is
  // copied to memory, as by Free. FailedPrecondition for a file of a newer crisp, which is left as it is.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  // With another schema than the current one, for tests.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const std::vector<Migration>& migrations);
  // Writes what is in memory only, if it can.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  using ChangeFunction = absl::FunctionRef<absl::Status(Transaction&)>;
  // Runs `change` in a transaction and commits it, or rolls it back after an error. With kFree it may be run twice, the
  // second time on the copy in memory.
  absl::Status Change(Purpose purpose, ChangeFunction change);
  absl::Status Keep(ChangeFunction change) { return Change(Purpose::kKeep, change); }
  absl::Status Free(ChangeFunction change) { return Change(Purpose::kFree, change); }

  // OK if the last write succeeded. After one that failed, tries to write, and returns what comes of it.
  absl::Status CheckWritable();

  // Keep with one statement.
  template <typename... Values>
  absl::Status Run(absl::string_view sql, const Values&... values) {
    MutexLock lock(mutex_);
    return Counted(RunOne(sql, {Value(values)...}));
  }
  // Free with one statement.
  template <typename... Values>
  absl::Status RunFree(absl::string_view sql, const Values&... values) {
    return Free([&](Transaction& transaction) { return transaction.Run(sql, values...); });
  }
  // A statement that reads.
  template <typename... Values>
  absl::Status Query(absl::string_view sql, const RowCallback& each, const Values&... values) {
    MutexLock lock(mutex_);
    return current().Run(sql, {Value(values)...}, &each);
  }

  // Absolute. SQLite's write-ahead log is "<path>-wal".
  const std::string& path() const { return path_; }
  const DatabaseCounters& counters() const { return counters_; }

 private:
  Database(std::string path, std::vector<Migration> migrations)
      : path_(std::move(path)), migrations_(std::move(migrations)) {}
  absl::Status OpenFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Connection& current() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return memory_ != nullptr ? *memory_ : *file_; }
  absl::Status RunOne(absl::string_view sql, const std::vector<Value>& values) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ChangeLocked(Purpose purpose, ChangeFunction change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RunTransaction(ChangeFunction change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Runs a statement that commits.
  absl::Status Commit(absl::string_view sql, const std::vector<Value>& values) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Counted(absl::Status status);
  void SetMemory(std::unique_ptr<Connection> memory) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // From here on everything is read from and freed in memory. `why` goes to the log.
  absl::Status MoveToMemory(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes the copy in memory to the file and drops it. OK if there is none.
  absl::Status WriteBack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `status`, and if it is a storage error, as CannotWrite.
  absl::Status Explain(const absl::Status& status) const;
  // `status` with the path and the state of the file system.
  absl::Status CannotWrite(const absl::Status& status) const;

  const std::string path_;
  const std::vector<Migration> migrations_;
  DatabaseCounters counters_;
  Mutex mutex_;
  std::unique_ptr<Connection> file_ ABSL_GUARDED_BY(mutex_);    // null if it could not be opened
  std::unique_ptr<Connection> memory_ ABSL_GUARDED_BY(mutex_);  // null while the file is written
};

}  // namespace crisp
