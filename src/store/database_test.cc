#include "store/database.h"

#include <gtest/gtest.h>

#include <thread>

#include "os/file.h"

namespace crisp {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "crisp-db-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    path_ = dir_ + "/crisp.db";
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(dir_).ok()); }

  static std::string FactIn(Database& database, const std::string& name) {
    std::string value;
    EXPECT_TRUE(database
                    .Query(
                        "SELECT value FROM facts WHERE name = ?", [&](const Row& row) { value = row.Text(0); }, name)
                    .ok());
    return value;
  }

  std::string dir_;
  std::string path_;
};

constexpr char kInsert[] = "INSERT INTO facts VALUES (?, ?)";

TEST_F(DatabaseTest, CommittedRowsAreThereAfterReopening) {
  {
    auto database = *Database::Open(path_);
    auto transaction = *database->Begin();
    ASSERT_TRUE(transaction.Run(kInsert, "boot_id", "one").ok());
    ASSERT_TRUE(transaction.Commit().ok());
  }
  EXPECT_EQ(FactIn(**Database::Open(path_), "boot_id"), "one");
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedHasNotHappened) {
  auto database = *Database::Open(path_);
  {
    auto transaction = *database->Begin();
    ASSERT_TRUE(transaction.Run(kInsert, "boot_id", "one").ok());
  }
  EXPECT_EQ(FactIn(*database, "boot_id"), "");
}

TEST_F(DatabaseTest, BytesComeBackAsTheyWere) {
  auto database = *Database::Open(path_);
  const std::string bytes("a\0b\xff", 4);
  ASSERT_TRUE(database->Run("INSERT INTO pods VALUES ('p', 0, ?)", Value::Blob(bytes)).ok());
  std::string found;
  ASSERT_TRUE(database->Query("SELECT record FROM pods", [&](const Row& row) { found = row.Text(0); }).ok());
  EXPECT_EQ(found, bytes);
}

TEST_F(DatabaseTest, ForeignKeysAreKept) {
  auto database = *Database::Open(path_);
  const absl::Status status = database->Run("INSERT INTO containers VALUES ('c', 'no such pod', 0, x'')");
  EXPECT_NE(status.message().find("FOREIGN KEY"), absl::string_view::npos) << status;
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsSetAsideAndKept) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_, std::string(8192, 'x'), 0600).ok());
  auto database = Database::Open(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_TRUE((*database)->Run(kInsert, "boot_id", "one").ok());
  int kept = 0;
  const std::vector<std::string> names = *ListDir(dir_);
  for (const std::string& name : names) kept += name.rfind("crisp.db.unreadable-", 0) == 0 ? 1 : 0;
  EXPECT_EQ(kept, 1);
}

TEST_F(DatabaseTest, ADirectoryThatIsNotThereIsAnErrorThatNamesTheFile) {
  const absl::Status status = Database::Open(dir_ + "/none/crisp.db").status();
  EXPECT_NE(status.message().find("/none/crisp.db"), absl::string_view::npos) << status;
}

TEST_F(DatabaseTest, ThreadsTakeTurns) {
  auto database = *Database::Open(path_);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&database, t] {
      for (int i = 0; i < 20; ++i) {
        auto transaction = *database->Begin();
        EXPECT_TRUE(transaction.Run(kInsert, std::to_string(t * 100 + i), "x").ok());
        EXPECT_TRUE(transaction.Commit().ok());
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
