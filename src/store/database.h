// Database: one SQLite file, write-ahead log, synchronous=FULL: what a committed transaction wrote survives a power cut
// at the cost of one fdatasync.
//
//   ASSIGN_OR_RETURN(Database::Transaction transaction, database.Begin());
//   RETURN_IF_ERROR(transaction.Run("DELETE FROM pods WHERE id = ?", id));
//   RETURN_IF_ERROR(transaction.Commit());
//
// Thread-safe: a transaction holds the database's lock from Begin until it is committed or destroyed (and then undone).
// Never wait for anything else while holding one. Errors name the statement and carry SQLite's own text: DataLoss if
// the file is damaged, ResourceExhausted if the disk is full, else Internal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

struct sqlite3;
struct sqlite3_stmt;

namespace crisp {

// A row that a query is at; valid only inside the callback.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  int64_t Int(int column) const;
  std::string Text(int column) const;  // TEXT and BLOB alike; NULL is empty

 private:
  sqlite3_stmt* statement_;
};

// A value for one "?". Text is stored as TEXT, Blob as BLOB.
class Value {
 public:
  Value(int64_t number) : kind_(Kind::kInt), number_(number) {}       // NOLINT(google-explicit-constructor)
  Value(int number) : Value(int64_t{number}) {}                       // NOLINT(google-explicit-constructor)
  Value(bool flag) : Value(int64_t{flag}) {}                          // NOLINT(google-explicit-constructor)
  Value(absl::string_view text) : kind_(Kind::kText), text_(text) {}  // NOLINT(google-explicit-constructor)
  Value(const std::string& text) : Value(absl::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* text) : Value(absl::string_view(text)) {}         // NOLINT(google-explicit-constructor)
  static Value Blob(absl::string_view bytes) {
    Value value(bytes);
    value.kind_ = Kind::kBlob;
    return value;
  }

 private:
  friend class Database;
  enum class Kind { kInt, kText, kBlob };
  Kind kind_;
  int64_t number_ = 0;
  absl::string_view text_;
};

class Database {
 public:
  using RowCallback = std::function<void(const Row&)>;

  class Transaction {
   public:
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

    template <typename... Values>
    absl::Status Run(absl::string_view sql, const Values&... values) {
      return database_->RunStatement(sql, {Value(values)...}, nullptr);
    }
    template <typename... Values>
    absl::Status Query(absl::string_view sql, const RowCallback& each, const Values&... values) {
      return database_->RunStatement(sql, {Value(values)...}, &each);
    }
    // Rows that the last Run changed.
    int64_t changes() const;
    // Makes it durable. After an error nothing of it has happened.
    absl::Status Commit() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // it lets go of what Begin took

   private:
    friend class Database;
    explicit Transaction(Database* database) : database_(database) {}
    Database* database_;
  };

  // Opens or creates `path`, absolute, and brings its tables to the current form (the schema is in schema.cc). A file
  // that is no database, or has a damaged page anywhere, is renamed to "<path>.unreadable-<time>", said in the log, and
  // a new one is begun. All files whose names begin with `path` are made 0600. Looking at every page takes some
  // 6 ms with 1000 pods of three containers.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::StatusOr<Transaction> Begin();

  // OK if the last write succeeded. After one that failed, writes something small, and returns what comes of it.
  absl::Status CheckWritable();

  // A transaction of one statement.
  template <typename... Values>
  absl::Status Run(absl::string_view sql, const Values&... values) {
    return RunAlone(sql, {Value(values)...});
  }
  template <typename... Values>
  absl::Status Query(absl::string_view sql, const RowCallback& each, const Values&... values) {
    MutexLock lock(mutex_);
    return RunStatement(sql, {Value(values)...}, &each);
  }

 private:
  Database() = default;
  absl::Status Connect(const std::string& path);
  absl::Status CheckPages() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RunAlone(absl::string_view sql, const std::vector<Value>& values);
  absl::Status RunStatement(absl::string_view sql, const std::vector<Value>& values, const RowCallback* each);
  absl::Status Error(absl::string_view what) const;

  Mutex mutex_;
  bool write_failed_ ABSL_GUARDED_BY(mutex_) = false;
  sqlite3* handle_ = nullptr;
};

}  // namespace crisp
