#include "store/database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/match.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override { path_ = dir_ + "/crisp.db"; }
  static std::string FactIn(Database& database, const std::string& name) {
    std::string value;
    EXPECT_TRUE(database
                    .Query(
                        "SELECT value FROM facts WHERE name = ?", [&](const Row& row) { value = row.Text(0); }, name)
                    .ok());
    return value;
  }

  // Of the files that were set aside.
  std::vector<std::string> SetAside() {
    std::vector<std::string> names = *ListDir(dir_);
    std::erase_if(names, [](const std::string& name) { return !absl::StartsWith(name, "crisp.db.unreadable-"); });
    return names;
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::string path_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

constexpr char kInsertPod[] = "INSERT INTO pods (id, phase, record) VALUES (?, 1, ?)";
constexpr char kInsert[] = "INSERT INTO facts (name, value) VALUES (?, ?)";

TEST_F(DatabaseTest, CommittedRowsAreThereAfterReopening) {
  {
    auto database = *Database::Open(path_);
    ASSERT_EQ(database->Keep([](auto& transaction) { return transaction.Run(kInsert, "boot_id", "one"); }),
              absl::OkStatus());
  }
  EXPECT_EQ(FactIn(**Database::Open(path_), "boot_id"), "one");
}

TEST_F(DatabaseTest, AChangeThatReturnsAnErrorHasNotHappened) {
  auto database = *Database::Open(path_);
  const absl::Status status = database->Keep([](auto& transaction) -> absl::Status {
    RETURN_IF_ERROR(transaction.Run(kInsert, "boot_id", "one"));
    return absl::AbortedError("changed its mind");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(FactIn(*database, "boot_id"), "");
}

TEST_F(DatabaseTest, BytesComeBackAsTheyWere) {
  auto database = *Database::Open(path_);
  const std::string bytes("a\0b\xff", 4);
  ASSERT_TRUE(database->Run("INSERT INTO pods (id, phase, record) VALUES ('p', 0, ?)", Value::Blob(bytes)).ok());
  std::string found;
  ASSERT_TRUE(database->Query("SELECT record FROM pods", [&](const Row& row) { found = row.Text(0); }).ok());
  EXPECT_EQ(found, bytes);
}

TEST_F(DatabaseTest, ForeignKeysAreKept) {
  auto database = *Database::Open(path_);
  const absl::Status status =
      database->Run("INSERT INTO containers (id, pod_id, phase, record) VALUES ('c', 'no such pod', 0, x'')");
  EXPECT_NE(status.message().find("FOREIGN KEY"), absl::string_view::npos) << status;
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsSetAsideAndKept) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_, std::string(8192, 'x'), 0600).ok());
  auto database = Database::Open(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_TRUE((*database)->Run(kInsert, "boot_id", "one").ok());
  EXPECT_EQ(SetAside().size(), 1u);
}

TEST_F(DatabaseTest, AFileWithADamagedPageIsSetAsideAndANewOneBegun) {
  {
    auto database = *Database::Open(path_);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(database->Run(kInsertPod, absl::StrCat("pod-", i), std::string(1000, 'x')).ok());
    }
  }
  // The pages in the middle are those of the table. The header and the schema, which opening reads, are at the start.
  std::string bytes = *ReadFileAt(AT_FDCWD, path_, 1 << 20);
  for (size_t i = bytes.size() / 2; i < bytes.size() / 2 + 4096; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_, bytes, 0600).ok());
  auto database = Database::Open(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_TRUE((*database)->Query("SELECT * FROM pods", [](const Row&) {}).ok());
  EXPECT_EQ(SetAside().size(), 1u);
}

TEST_F(DatabaseTest, NobodyElseMayReadAnyOfItsFiles) {
  const mode_t before = umask(0);
  for (const char* suffix : {"", ".unreadable-1", ".unreadable-1-wal"}) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_ + suffix, "", 0644).ok());
  }
  auto database = Database::Open(path_);
  umask(before);
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE((*database)->Run(kInsert, "boot_id", "one").ok());
  const std::vector<std::string> names = *ListDir(dir_);
  EXPECT_EQ(names.size(), 4u) << "with its -wal";
  for (const std::string& name : names) EXPECT_EQ(ModeOf(dir_ + "/" + name), 0600u) << name;
}

TEST_F(DatabaseTest, ANewOneIsPrivateWhateverTheUmask) {
  const mode_t before = umask(0);
  auto database = Database::Open(path_);
  umask(before);
  ASSERT_TRUE(database.ok()) << database.status();
  const std::vector<std::string> names = *ListDir(dir_);
  for (const std::string& name : names) EXPECT_EQ(ModeOf(dir_ + "/" + name), 0600u) << name;
}

TEST_F(DatabaseTest, ADirectoryThatIsNotThereIsAnErrorThatNamesTheFile) {
  const absl::Status status = Database::Open(dir_ + "/none/crisp.db").status();
  EXPECT_NE(status.message().find("/none/crisp.db"), absl::string_view::npos) << status;
}

// Rows that are larger together than SQLite's cache of 2 MB, so that a query has to read the file.
void InsertRows(Database& database, int rows) {
  for (int i = 0; i < rows; ++i) {
    ASSERT_TRUE(database.Run(kInsertPod, absl::StrCat("pod-", i), std::string(100000, 'x')).ok());
  }
}

absl::Status ReadRows(Database& database) {
  size_t bytes = 0;
  return database.Query("SELECT record FROM pods", [&](const Row& row) { bytes += row.Text(0).size(); });
}

TEST_F(DatabaseTest, AFileThatIsTruncatedWhileItIsOpenGivesErrors) {
  InsertRows(**Database::Open(path_), 50);
  auto database = *Database::Open(path_);
  ASSERT_TRUE(ReadRows(*database).ok());
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  EXPECT_FALSE(ReadRows(*database).ok());
  const absl::Status written = database->Run(kInsertPod, "new", "x");
  EXPECT_FALSE(written.ok()) << "where the table was there is nothing";
  EXPECT_FALSE(ReadRows(*database).ok());
}

TEST_F(DatabaseTest, ALogThatIsTruncatedWhileItIsOpenGivesErrors) {
  auto database = *Database::Open(path_);
  InsertRows(*database, 35);  // less than what makes SQLite move the log into the database
  ASSERT_TRUE(ReadRows(*database).ok());
  ASSERT_EQ(truncate((path_ + "-wal").c_str(), 0), 0);
  EXPECT_FALSE(ReadRows(*database).ok());
  (void)database->Run(kInsertPod, "new", "x");  // whatever it says, the process lives
  EXPECT_FALSE(ReadRows(*database).ok());
  database.reset();
  EXPECT_TRUE(Database::Open(path_).ok()) << "the daemon can start again";
}

TEST_F(DatabaseTest, ThreadsTakeTurns) {
  auto database = *Database::Open(path_);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&database, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string name = std::to_string(t * 100 + i);
        EXPECT_EQ(database->Keep([&](auto& transaction) { return transaction.Run(kInsert, name, "x"); }),
                  absl::OkStatus());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t rows = 0;
  ASSERT_TRUE(database->Query("SELECT count(*) FROM facts", [&](const Row& row) { rows = row.Int(0); }).ok());
  EXPECT_EQ(rows, 80);
}

}  // namespace
}  // namespace crisp
