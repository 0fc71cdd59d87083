// Connection: one connection of SQLite to a database file, with absl::Status for its error codes.
//
// Thread-compatible: Database adds the lock. Errors have the statement and SQLite's own text: DataLoss if the file is
// damaged or is not a database, ResourceExhausted if the disk is full, else Internal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace crisp {

// The current row of a query; valid only inside the callback.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  int64_t Int(int column) const;
  std::string Text(int column) const;  // TEXT and BLOB alike; NULL is empty

 private:
  sqlite3_stmt* statement_;
};

// A value for one "?" of a statement. Text is stored as TEXT, Blob as BLOB. Points to the text that it is made from.
class Value {
 public:
  enum class Kind { kInt, kText, kBlob };

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

  Kind kind() const { return kind_; }
  int64_t number() const { return number_; }
  absl::string_view text() const { return text_; }

 private:
  Kind kind_;
  int64_t number_ = 0;
  absl::string_view text_;
};

// True for an error that came from the file system: it is full, or the file could not be read, written or opened.
bool IsStorageError(const absl::Status& status);

using RowCallback = std::function<void(const Row&)>;

class Connection {
 public:
  // Opens or creates the file at `path`, in WAL mode with synchronous=FULL, locked against other processes. The lock
  // keeps the index of the WAL in this process' memory. SQLite would else map it from a file, and a file that is
  // truncated under a mapping is a SIGBUS. Foreign keys are not enforced: SQLite's default.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path);
  // An empty database in memory.
  static absl::StatusOr<std::unique_ptr<Connection>> OpenInMemory();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one statement, and calls `each`, unless it is null, with each row.
  absl::Status Run(absl::string_view sql, const std::vector<Value>& values = {}, const RowCallback* each = nullptr);
  // The first column of the first row of a query without parameters.
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);

  // Replaces the contents of `other` by those of this one. After an error `other` is as it was.
  absl::Status CopyTo(Connection& other) const;

  // The last write failed, or a statement has failed since. Reads that succeed change nothing.
  bool write_failed() const { return write_failed_; }
  const std::string& path() const { return path_; }

 private:
  Connection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  static absl::StatusOr<std::unique_ptr<Connection>> OpenHandle(const std::string& path, int more_flags);
  absl::Status Error(absl::string_view what) const;

  const std::string path_;
  sqlite3* const handle_;
  bool write_failed_ = false;
};

}  // namespace crisp
