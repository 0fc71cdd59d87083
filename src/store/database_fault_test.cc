// A database on a file system that is full or read-only, and one whose files are damaged while it is open. The file
// systems are real.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/captured_log.h"
#include "base/testing/status_text.h"
#include "os/file.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"
#include "store/database.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kInsert[] = "INSERT INTO facts (name, value) VALUES (?, ?)";
constexpr char kDelete[] = "DELETE FROM facts WHERE name = ?";

class DatabaseFaultTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    EnterMountNamespace();
    ASSERT_EQ(mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=2m"), 0);
    database_ = *Database::Open(path_);
    for (const char* name : {"a", "b", "c"}) ASSERT_EQ(database_->Run(kInsert, name, name), absl::OkStatus());
  }
  void TearDown() override {
    database_ = nullptr;
    umount2(dir_.path().c_str(), MNT_DETACH);
  }

  void Fill() {
    const absl::StatusOr<Fd> file = OpenAt(AT_FDCWD, filler_, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_EQ(file.status(), absl::OkStatus());
    const std::string page(4096, 'x');
    while (write(file->get(), page.data(), page.size()) > 0) {
    }
    ASSERT_EQ(errno, ENOSPC);
  }
  void MakeRoom() { ASSERT_EQ(unlink(filler_.c_str()), 0); }
  void Remount(unsigned long flags) {
    ASSERT_EQ(mount(nullptr, dir_.path().c_str(), nullptr, MS_REMOUNT | flags, "size=2m"), 0);
  }

  // The file of the WAL has a size to which it has grown, and within which it can be written on a full disk. A daemon
  // that was started anew has a short one.
  void Reopen() {
    database_ = nullptr;
    absl::StatusOr<std::unique_ptr<Database>> opened = Database::Open(path_);
    ASSERT_EQ(opened.status(), absl::OkStatus());
    database_ = *std::move(opened);
  }

  std::string Names() {
    std::string names;
    EXPECT_EQ(database_->Query("SELECT name FROM facts ORDER BY name", [&](const Row& row) { names += row.Text(0); }),
              absl::OkStatus());
    return names;
  }

  const CapturedLog log_;
  const TestDir dir_;
  const std::string path_ = dir_.Path("crisp.db");
  const std::string filler_ = dir_.Path("filler");
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseFaultTest, OnAFullDiskOnlyWhatFreesGoesOn) {
  Reopen();
  Fill();
  EXPECT_EQ(database_->RunFree(kDelete, "a"), absl::OkStatus());
  EXPECT_EQ(Names(), "bc");
  const absl::Status refused = database_->Run(kInsert, "d", "d");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Text(refused), AllOf(HasSubstr(dir_.path()), HasSubstr("is full"), HasSubstr("remove images, pods")));
  EXPECT_EQ(database_->Keep([](auto&) { return absl::OkStatus(); }).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(database_->CheckWritable().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(database_->RunFree(kDelete, "b"), absl::OkStatus());
  EXPECT_EQ(Names(), "c");
  EXPECT_THAT(log_.Text(),
              HasSubstr("the database cannot be written; pods and images can still be stopped and removed"));
}

TEST_F(DatabaseFaultTest, WhatWasFreedIsWrittenWhenThereIsRoomAgain) {
  Reopen();
  Fill();
  ASSERT_EQ(database_->RunFree(kDelete, "a"), absl::OkStatus());
  MakeRoom();
  EXPECT_EQ(database_->Run(kInsert, "d", "d"), absl::OkStatus());
  EXPECT_EQ(database_->CheckWritable(), absl::OkStatus());
  EXPECT_EQ(Names(), "bcd");
  Reopen();
  EXPECT_EQ(Names(), "bcd");
}

TEST_F(DatabaseFaultTest, AnOrderlyEndWritesWhatWasFreed) {
  Reopen();
  Fill();
  ASSERT_EQ(database_->RunFree(kDelete, "a"), absl::OkStatus());
  MakeRoom();
  Reopen();
  EXPECT_EQ(Names(), "bc");
}

TEST_F(DatabaseFaultTest, ItOpensOnAFullDisk) {
  database_ = nullptr;
  Fill();
  Reopen();
  EXPECT_EQ(Names(), "abc");
  EXPECT_EQ(database_->RunFree(kDelete, "a"), absl::OkStatus());
  EXPECT_EQ(Names(), "bc");
  MakeRoom();
  EXPECT_EQ(database_->CheckWritable(), absl::OkStatus());
  Reopen();
  EXPECT_EQ(Names(), "bc");
}

TEST_F(DatabaseFaultTest, ItOpensOnAReadOnlyFileSystem) {
  database_ = nullptr;
  Remount(MS_RDONLY);
  Reopen();
  EXPECT_EQ(Names(), "abc");
  EXPECT_EQ(database_->RunFree(kDelete, "a"), absl::OkStatus());
  EXPECT_EQ(Names(), "bc");
  const absl::Status refused = database_->Run(kInsert, "d", "d");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(refused), AllOf(HasSubstr(dir_.path()), HasSubstr("is read-only")));
  Remount(0);
  EXPECT_EQ(database_->Run(kInsert, "d", "d"), absl::OkStatus());
  Reopen();
  EXPECT_EQ(Names(), "bcd");
}

TEST_F(DatabaseFaultTest, AFirstStartOnAFullDiskHasNoRows) {
  database_ = nullptr;
  for (const char* suffix : {"", "-wal"}) unlink((path_ + suffix).c_str());
  Fill();
  Reopen();
  EXPECT_EQ(Names(), "");
  MakeRoom();
  EXPECT_EQ(database_->Run(kInsert, "d", "d"), absl::OkStatus());
  Reopen();
  EXPECT_EQ(Names(), "d");
}

// The error of a statement that makes no sense is not the file's fault.
TEST_F(DatabaseFaultTest, AnErrorOfTheStatementIsAnErrorOfFree) {
  EXPECT_NE(database_->RunFree("DELETE FROM no_such_table"), absl::OkStatus());
  EXPECT_NE(database_->RunFree(kInsert, "a", "again"), absl::OkStatus());
  EXPECT_EQ(database_->CheckWritable(), absl::OkStatus());
  EXPECT_EQ(database_->Free([](Database::Transaction&) { return absl::NotFoundError("not there"); }).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(DatabaseFaultTest, FilesThatAreTruncatedUnderItAreErrors) {
  for (const char* suffix : {"-wal", ""}) {
    ASSERT_EQ(truncate((path_ + suffix).c_str(), 0), 0);
    for (int i = 0; i < 3; ++i) {
      database_->Query("SELECT name FROM facts", [](const Row&) {}).IgnoreError();
      database_->Run(kInsert, absl::StrCat("name", i), "").IgnoreError();
      database_->RunFree(kDelete, "a").IgnoreError();
    }
  }
}

TEST_F(DatabaseFaultTest, ThatItIsInMemoryIsToldWithoutWaitingForIt) {
  Reopen();
  Fill();
  EXPECT_FALSE(database_->counters().in_memory);
  ASSERT_EQ(database_->RunFree(kDelete, "a"), absl::OkStatus());
  EXPECT_TRUE(database_->counters().in_memory);
  MakeRoom();
  ASSERT_EQ(database_->Run(kInsert, "d", "d"), absl::OkStatus());
  EXPECT_FALSE(database_->counters().in_memory);
}

}  // namespace
}  // namespace crisp
