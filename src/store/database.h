// Database: one SQLite file with a write-ahead log and synchronous=FULL. A committed transaction survives a power cut,
// at the cost of one fdatasync.
//
//   ASSIGN_OR_RETURN(Database::Transaction transaction, database.Begin());
//   RETURN_IF_ERROR(transaction.Run("DELETE FROM pods WHERE id = ?", id));
//   RETURN_IF_ERROR(transaction.Commit());
//
// Thread-safe: a transaction holds the lock of the database from Begin until it is committed or destroyed, which rolls
// it back. Do not wait for anything else while holding one. Errors: see Connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "store/connection.h"

namespace crisp {

struct Migration;

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
    void End() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // releases the lock that Begin has taken

    Database* database_;
  };

  // Opens or creates `path`, which is absolute, and migrates it to the current schema (schema.h). All files whose names
  // begin with `path` get mode 0600. Every page is checked, which takes about 6 ms with 1000 pods of three containers.
  // A file that is not a database or has a damaged page is renamed to "<path>.unreadable-<time>", which is logged, and
  // a new file is created. FailedPrecondition for a file of a newer crisp, which is left as it is.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  // With another schema than the current one, for tests.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const std::vector<Migration>& migrations);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::StatusOr<Transaction> Begin();

  // OK if the last write succeeded. After one that failed, writes something small, and returns what comes of it.
  absl::Status CheckWritable();

  // A transaction of one statement.
  template <typename... Values>
  absl::Status Run(absl::string_view sql, const Values&... values) {
    MutexLock lock(mutex_);
    return connection_->Run(sql, {Value(values)...});
  }
  template <typename... Values>
  absl::Status Query(absl::string_view sql, const RowCallback& each, const Values&... values) {
    MutexLock lock(mutex_);
    return connection_->Run(sql, {Value(values)...}, &each);
  }

 private:
  explicit Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
  // For transactions, which hold the lock.
  Connection& LockedConnection() ABSL_NO_THREAD_SAFETY_ANALYSIS { return *connection_; }

  Mutex mutex_;
  const std::unique_ptr<Connection> connection_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace crisp
