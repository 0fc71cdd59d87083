#include "store/migration.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "store/database.h"
#include "store/schema.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The statements of crisp 0.1 before its databases had versions, letter by letter.
constexpr const char* kUnversionedTables[] = {
    R"(CREATE TABLE IF NOT EXISTS facts (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS layers (
        chain_id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        diff_id TEXT NOT NULL,
        compressed_size INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        inodes INTEGER NOT NULL) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS images (
        id TEXT PRIMARY KEY,
        config TEXT NOT NULL,
        size INTEGER NOT NULL) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS image_names (
        name TEXT PRIMARY KEY,
        image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        is_digest INTEGER NOT NULL) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS image_layers (
        image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        chain_id TEXT NOT NULL REFERENCES layers(chain_id),
        PRIMARY KEY (image_id, position)) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS rootfs_layers (
        container_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        chain_id TEXT NOT NULL REFERENCES layers(chain_id),
        PRIMARY KEY (container_id, position)) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS pods (
        id TEXT PRIMARY KEY,
        phase INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID)",
    R"(CREATE TABLE IF NOT EXISTS containers (
        id TEXT PRIMARY KEY,
        pod_id TEXT NOT NULL REFERENCES pods(id),
        phase INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID)",
};

constexpr const char* kUnversionedRows[] = {
    "INSERT INTO facts VALUES ('boot_id', 'one')",
    "INSERT INTO layers VALUES ('sha256:c', '1a', 'sha256:d', 10, 4096, 3)",
    "INSERT INTO images VALUES ('sha256:i', '{}', 12)",
    "INSERT INTO image_names VALUES ('docker.io/library/x:1', 'sha256:i', 0)",
    "INSERT INTO image_layers VALUES ('sha256:i', 0, 'sha256:c')",
    "INSERT INTO rootfs_layers VALUES ('ctr', 0, 'sha256:c')",
    "INSERT INTO pods VALUES ('pod', 1, x'0102')",
    "INSERT INTO containers VALUES ('ctr', 'pod', 1, x'03')",
};

// Steps of a schema that is not crisp's: people, and then people with a team each.
std::vector<Migration> TeamMigrations() {
  return {
      {{"CREATE TABLE people (name TEXT PRIMARY KEY, team TEXT NOT NULL) WITHOUT ROWID"}},
      {{"CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "INSERT INTO teams (name) SELECT DISTINCT team FROM people ORDER BY team",
        "CREATE TABLE moved (name TEXT PRIMARY KEY, team_id INTEGER NOT NULL REFERENCES teams(id)) WITHOUT ROWID",
        "INSERT INTO moved (name, team_id) SELECT people.name, teams.id FROM people JOIN teams ON teams.name = team",
        "DROP TABLE people", "ALTER TABLE moved RENAME TO people"}},
  };
}

class MigrationTest : public testing::Test {
 protected:
  // Runs statements without crisp's code.
  void Execute(const std::vector<std::string>& statements) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    for (const std::string& statement : statements) {
      EXPECT_EQ(sqlite3_exec(handle, statement.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
          << statement << ": " << sqlite3_errmsg(handle);
    }
    sqlite3_close(handle);
  }
  static std::vector<std::string> Rows(Database& database, const std::string& sql) {
    std::vector<std::string> rows;
    EXPECT_EQ(database.Query(sql, [&](const Row& row) { rows.push_back(row.Text(0)); }), absl::OkStatus());
    return rows;
  }
  static std::string VersionIn(Database& database) { return Rows(database, "PRAGMA user_version").at(0); }
  bool IsSetAside() {
    const std::vector<std::string> names = *ListDir(dir_);
    return std::any_of(names.begin(), names.end(),
                       [](const std::string& name) { return absl::StrContains(name, "unreadable"); });
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  const std::string path_ = dir_ + "/crisp.db";
};

TEST_F(MigrationTest, ANewFileHasTheCurrentVersion) {
  EXPECT_EQ(VersionIn(**Database::Open(path_)), absl::StrCat(Migrations().size()));
}

TEST_F(MigrationTest, AFileOfBeforeThereWereVersionsIsTakenOverWithAllItsRows) {
  Execute({std::begin(kUnversionedTables), std::end(kUnversionedTables)});
  Execute({"PRAGMA journal_mode=WAL"});
  Execute({std::begin(kUnversionedRows), std::end(kUnversionedRows)});
  auto database = Database::Open(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(VersionIn(**database), absl::StrCat(Migrations().size()));
  EXPECT_THAT(Rows(**database, "SELECT value FROM facts"), ElementsAre("one"));
  EXPECT_THAT(Rows(**database, "SELECT chain_id || name || diff_id || compressed_size || bytes || inodes FROM layers"),
              ElementsAre("sha256:c1asha256:d1040963"));
  EXPECT_THAT(Rows(**database, "SELECT id || config || size FROM images"), ElementsAre("sha256:i{}12"));
  EXPECT_THAT(Rows(**database, "SELECT name || image_id || is_digest FROM image_names"),
              ElementsAre("docker.io/library/x:1sha256:i0"));
  EXPECT_THAT(Rows(**database, "SELECT image_id || position || chain_id FROM image_layers"),
              ElementsAre("sha256:i0sha256:c"));
  EXPECT_THAT(Rows(**database, "SELECT container_id || position || chain_id FROM rootfs_layers"),
              ElementsAre("ctr0sha256:c"));
  EXPECT_THAT(Rows(**database, "SELECT id || phase || hex(record) FROM pods"), ElementsAre("pod10102"));
  EXPECT_THAT(Rows(**database, "SELECT id || pod_id || phase || hex(record) FROM containers"),
              ElementsAre("ctrpod103"));
  EXPECT_FALSE(IsSetAside());
}

TEST_F(MigrationTest, RowsGetTheirNewForm) {
  const std::vector<Migration> steps = TeamMigrations();
  {
    auto database = *Database::Open(path_, {steps[0]});
    for (const char* person : {"ann", "bob", "cid"}) {
      ASSERT_TRUE(database
                      ->Run("INSERT INTO people (name, team) VALUES (?, ?)", person,
                            person == std::string("bob") ? "red" : "blue")
                      .ok());
    }
    EXPECT_EQ(VersionIn(*database), "1");
  }
  auto database = Database::Open(path_, steps);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(VersionIn(**database), "2");
  EXPECT_THAT(Rows(**database, "SELECT p.name || ' ' || t.name FROM people p JOIN teams t ON t.id = p.team_id"),
              ElementsAre("ann blue", "bob red", "cid blue"));
  EXPECT_FALSE((*database)->Run("INSERT INTO people (name, team_id) VALUES ('dan', 99)").ok())
      << "foreign keys are enforced after it";
  database->reset();
  EXPECT_EQ(VersionIn(**Database::Open(path_, steps)), "2") << "and it is not done twice";
}

TEST_F(MigrationTest, AStepThatFailsLeavesTheVersionBeforeIt) {
  std::vector<Migration> steps = TeamMigrations();
  steps.push_back({{"CREATE TABLE later (x TEXT)", "INSERT INTO no_such_table (x) VALUES (1)"}});
  ASSERT_TRUE((*Database::Open(path_, {steps[0]}))->Run("INSERT INTO people (name, team) VALUES ('ann', 'red')").ok());
  const absl::Status status = Database::Open(path_, steps).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path_), HasSubstr("migrate to version 3"), HasSubstr("no_such_table")));
  EXPECT_FALSE(IsSetAside());
  steps.back() = {{"CREATE TABLE later (x TEXT)"}};
  auto database = Database::Open(path_, steps);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(VersionIn(**database), "3");
  EXPECT_THAT(Rows(**database, "SELECT name FROM people"), ElementsAre("ann"));
}

TEST_F(MigrationTest, AProcessThatIsKilledInTheMiddleOfAStepLeavesTheVersionBeforeIt) {
  std::vector<Migration> steps = {TeamMigrations()[0]};
  ASSERT_TRUE((*Database::Open(path_, steps))->Run("INSERT INTO people (name, team) VALUES ('ann', 'red')").ok());
  steps.push_back({{"CREATE TABLE later (x TEXT)", "DELETE FROM people",
                    "INSERT INTO later (x) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                    "1000000) SELECT hex(zeroblob(500)) FROM n"}});
  const pid_t child = fork();
  if (child == 0) {
    (void)Database::Open(path_, steps);
    _exit(0);
  }
  // The transaction outgrows SQLite's cache, so a part of it is in the log before it is committed.
  EXPECT_TRUE(Eventually([&] {
    struct stat log {};
    return stat((path_ + "-wal").c_str(), &log) == 0 && log.st_size > (4 << 20);
  }));
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the step was over before the process was killed";

  steps.back() = {{"ALTER TABLE people ADD COLUMN age INTEGER NOT NULL DEFAULT 7"}};
  auto database = Database::Open(path_, {steps[0]});
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(VersionIn(**database), "1");
  EXPECT_THAT(Rows(**database, "SELECT name FROM people"), ElementsAre("ann"));
  EXPECT_THAT(Rows(**database, "SELECT name FROM sqlite_schema WHERE name = 'later'"), IsEmpty());
  database->reset();
  database = Database::Open(path_, steps);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_THAT(Rows(**database, "SELECT name || age FROM people"), ElementsAre("ann7"));
}

TEST_F(MigrationTest, AFileWithReferencesToNothingIsTakenOverAllTheSame) {
  Execute({std::begin(kUnversionedTables), std::end(kUnversionedTables)});
  Execute({"INSERT INTO containers VALUES ('ctr', 'no such pod', 1, x'03')"});
  auto database = Database::Open(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_THAT(Rows(**database, "SELECT id FROM containers"), ElementsAre("ctr"));
}

TEST_F(MigrationTest, AStepMayNotLeaveReferencesToNothing) {
  std::vector<Migration> steps = TeamMigrations();
  steps.push_back({{"DELETE FROM teams"}});
  ASSERT_TRUE((*Database::Open(path_, {steps[0]}))->Run("INSERT INTO people (name, team) VALUES ('ann', 'red')").ok());
  const absl::Status status = Database::Open(path_, steps).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("people refers to a row that does not exist"));
}

TEST_F(MigrationTest, AFileOfANewerCrispIsRefusedAndLeftAsItIs) {
  std::vector<Migration> newer = Migrations();
  newer.push_back({{"CREATE TABLE newer (x TEXT)"}});
  ASSERT_TRUE((*Database::Open(path_, newer))->Run("INSERT INTO newer (x) VALUES ('y')").ok());
  const std::string before = *ReadFileAt(AT_FDCWD, path_, 1 << 20);
  const absl::Status status = Database::Open(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path_), HasSubstr(absl::StrCat("has version ", newer.size())),
                    HasSubstr(absl::StrCat("knows versions up to ", Migrations().size())),
                    HasSubstr("Install that one again"), HasSubstr("move the file away")));
  EXPECT_FALSE(IsSetAside());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, path_, 1 << 20), before);
  EXPECT_THAT(Rows(**Database::Open(path_, newer), "SELECT x FROM newer"), ElementsAre("y"));
}

}  // namespace
}  // namespace crisp
