// Database: one SQLite file with a write-ahead log and synchronous=FULL. A committed transaction survives a power cut,
// at the cost of one fdatasync.
//
//   ASSIGN_OR_RETURN(Database::Transaction transaction, database.Begin());
//   RETURN_IF_ERROR(transaction.Run("DELETE FROM pods WHERE id = ?", id));
//   RETURN_IF_ERROR(transaction.Commit());
//
// A file that cannot be written must not keep a node from being emptied. So there are two kinds of change:
//
//   Begin, Run   for what must be on disk when the caller goes on. They fail while the file cannot be written.
//   Free         for what gives resources back. If the file cannot be written, the contents are copied to memory and
//                changed there. From then on all reads see the copy, until a later call can write it to the file. If
//                the daemon dies before that, the file still has the rows of what was removed. The next daemon finds
//                them as rows without objects, as after a daemon that died between a removal and its row.
//
// Thread-safe: a transaction holds the lock of the database from Begin until it is committed or destroyed, which rolls
// it back. Do not wait for anything else while holding one. Errors: see Connection; those of a file that cannot be
// written name it and the state of its file system.
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
#include "store/migration.h"

namespace crisp {

class Database {
 public:
  class Transaction {
   public:
    // Use Begin. `database` is locked, and has begun a transaction.
    explicit Transaction(Database* database) : database_(database) {}
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

    template <typename... Values>
    absl::Status Run(absl::string_view sql, const Values&... values) {
      return database_->LockedConnection().Run(sql, {Value(values)...});
    }
    template <typename... Values>
    absl::Status Query(absl::string_view sql, const RowCallback& each, const Values&... values) {
      return database_->LockedConnection().Run(sql, {Value(values)...}, &each);
    }
    // Rows that the last Run changed.
    int64_t changes() const { return database_->LockedConnection().changes(); }
    // Makes the transaction durable and ends it. After an error nothing of it has happened.
    absl::Status Commit();

   private:
    friend class Database;
    void End() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // releases the lock that Begin has taken

    Database* database_;
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

  absl::StatusOr<Transaction> Begin();
  // Runs `change` in a transaction and commits it. It may be run twice, the second time on the copy in memory.
  absl::Status Free(absl::FunctionRef<absl::Status(Transaction&)> change);

  // OK if the last write succeeded. After one that failed, tries to write, and returns what comes of it.
  absl::Status CheckWritable();

  // A transaction of one statement.
  template <typename... Values>
  absl::Status Run(absl::string_view sql, const Values&... values) {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(WriteBack());
    return Explain(current().Run(sql, {Value(values)...}));
  }
  // The same by Free.
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

 private:
  Database(std::string path, std::vector<Migration> migrations)
      : path_(std::move(path)), migrations_(std::move(migrations)) {}
  absl::Status OpenFile();
  Connection& current() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return memory_ != nullptr ? *memory_ : *file_; }
  // For transactions, which hold the lock.
  Connection& LockedConnection() ABSL_NO_THREAD_SAFETY_ANALYSIS { return current(); }
  absl::Status ExplainLocked(const absl::Status& status) ABSL_NO_THREAD_SAFETY_ANALYSIS { return Explain(status); }
  // As Begin, but also while the contents are in memory. `storage_failed` is set if it fails because of the file.
  absl::StatusOr<Transaction> BeginFree(bool* storage_failed);
  // Runs `change` once. `storage_failed` as for BeginFree.
  absl::Status TryFree(absl::FunctionRef<absl::Status(Transaction&)> change, bool* storage_failed);
  // From here on everything is read from and freed in memory. `why` goes to the log.
  absl::Status MoveToMemory(const absl::Status& why);
  // Writes the copy in memory to the file and drops it. OK if there is none.
  absl::Status WriteBack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `status`, if the file system is the reason as CannotWrite does: with the path and the state of the file system.
  absl::Status Explain(const absl::Status& status) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CannotWrite(const absl::Status& status) const;

  const std::string path_;
  const std::vector<Migration> migrations_;
  Mutex mutex_;
  std::unique_ptr<Connection> file_ ABSL_GUARDED_BY(mutex_);    // null if it could not be opened
  std::unique_ptr<Connection> memory_ ABSL_GUARDED_BY(mutex_);  // null while the file is written
};

}  // namespace crisp
