// The checks of the disk and of the database.
#include "doctor/disk_check.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include "doctor/database_check.h"
#include "doctor/lock_holder.h"
#include "doctor/scratch_dir.h"
#include "doctor/testing/fake_host.h"
#include "os/mount.h"
#include "os/testing/mount_namespace.h"
#include "store/connection.h"
#include "store/database.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DiskCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, for mounts";
    EnterMountNamespace();
    ASSERT_TRUE(MakeDirs(root(), 0711).ok());
    ASSERT_TRUE(MakeDirs(host_.subject.config.state, 0711).ok());
  }

  const std::string& root() { return host_.subject.config.root; }
  std::vector<Finding> Look() { return host_.Look(&CheckDisk, "disk"); }

  FakeHost host_;
};

TEST_F(DiskCheckTest, TheTrialsWorkAndLeaveNothing) {
  const auto findings = Look();
  EXPECT_THAT(Lines(findings, "disk.overlay"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "disk.file_types"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "disk.attributes"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(ListDir(root()).value(), IsEmpty());
}

TEST_F(DiskCheckTest, AnOverlayThatCannotBeMountedIsAnError) {
  // Overlayfs takes no upper directory on an overlay.
  const TestDir lower;
  const auto scratch = ScratchDir::Make(host_.directory.path());
  ASSERT_TRUE(scratch.ok());
  for (const char* name : {"u", "w", "m"}) ASSERT_TRUE(MakeDirs(scratch->path() + "/" + name, 0700).ok());
  const std::string merged = scratch->path() + "/m";
  ASSERT_TRUE(MountOverlay({{lower.path()}, scratch->path() + "/u", scratch->path() + "/w", merged}).ok());
  EXPECT_FALSE(TryOverlay(merged).ok());
  EXPECT_TRUE(Unmount(merged).ok());
}

TEST_F(DiskCheckTest, AFullFileSystemIsAProblem) {
  ASSERT_TRUE(MountTmpfs(root(), "2m", "0711").ok());
  const std::string big = root() + "/big";
  const Fd file(open(big.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string block(64 << 10, 'x');
  while (write(file.get(), block.data(), block.size()) > 0) {
  }
  EXPECT_THAT(Lines(Look(), "disk.root"), ElementsAre(StartsWith("problem: " + root())));
  EXPECT_TRUE(Unmount(root()).ok());
}

TEST_F(DiskCheckTest, AFileSystemThatIsNearlyFullIsAWarning) {
  ASSERT_TRUE(MountTmpfs(root(), "100m", "0711").ok());
  const std::string big = root() + "/big";
  const Fd file(open(big.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_EQ(posix_fallocate(file.get(), 0, 90 << 20), 0);
  EXPECT_THAT(Lines(Look(), "disk.root"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("tmpfs, 10.0 MiB free (10 %)"))));
  EXPECT_TRUE(Unmount(root()).ok());
}

TEST_F(DiskCheckTest, AReadOnlyFileSystemIsAProblemAndTheTrialsAreNotMade) {
  ASSERT_TRUE(MountTmpfs(root(), "2m", "0711").ok());
  ASSERT_EQ(mount(nullptr, root().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto findings = Look();
  EXPECT_THAT(Lines(findings, "disk.root"), ElementsAre(StartsWith("problem: ")));
  EXPECT_THAT(Lines(findings, "disk.overlay"), ElementsAre(StartsWith("note: ")));
  EXPECT_TRUE(Unmount(root()).ok());
}

TEST_F(DiskCheckTest, WhatCouldNotBeRemovedIsNamed) {
  ASSERT_TRUE(MakeDirs(root() + "/residue/abc", 0700).ok());
  EXPECT_THAT(Lines(Look(), "disk.residue"),
              ElementsAre(AllOf(StartsWith("warning: " + root() + "/residue"), HasSubstr("abc")), StartsWith("ok: ")));
}

TEST_F(DiskCheckTest, ARootThatIsNotThereIsJudgedByWhatIsAboveIt) {
  ASSERT_EQ(rmdir(root().c_str()), 0);
  EXPECT_THAT(Lines(Look(), "disk.overlay"), ElementsAre(StartsWith("ok: ")));
  EXPECT_FALSE(Exists(root()));
}

class DatabaseCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.subject.tree = HostTree();  // its /proc/locks
    ASSERT_TRUE(MakeDirs(host_.subject.config.root, 0711).ok());
  }
  std::string path() { return host_.subject.layout().Database(); }
  void MakeDatabase() {
    const auto database = Database::Open(path());
    ASSERT_TRUE(database.ok()) << database.status();
  }
  std::vector<Finding> Look() { return host_.Look(&CheckDatabase, "database"); }

  FakeHost host_;
};

TEST_F(DatabaseCheckTest, AWholeDatabaseIsFineAndStaysAsItIs) {
  MakeDatabase();
  const std::string before = ReadFileAt(AT_FDCWD, path(), 16 << 20).value();
  const auto findings = Look();
  EXPECT_THAT(Lines(findings, "database.integrity"), ElementsAre(HasSubstr("every page is whole")));
  EXPECT_THAT(Lines(findings, "database.version"), ElementsAre(StartsWith("ok: ")));
  EXPECT_EQ(ReadFileAt(AT_FDCWD, path(), 16 << 20).value(), before);
}

TEST_F(DatabaseCheckTest, DamageIsAProblem) {
  MakeDatabase();
  const Fd file(open(path().c_str(), O_WRONLY | O_CLOEXEC));
  const std::string junk(8192, '\x5a');
  ASSERT_EQ(pwrite(file.get(), junk.data(), junk.size(), 4096), static_cast<ssize_t>(junk.size()));
  EXPECT_THAT(Lines(Look(), "database.integrity"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("sets the file aside"))));
}

TEST_F(DatabaseCheckTest, AFileOfANewerCrispIsAProblem) {
  MakeDatabase();
  {
    const auto connection = Connection::Open(path());
    ASSERT_TRUE(connection.ok()) << connection.status();
    ASSERT_TRUE((*connection)->Run("PRAGMA user_version = 1000").ok());
  }
  EXPECT_THAT(Lines(Look(), "database.version"), ElementsAre(StartsWith("problem: ")));
}

TEST_F(DatabaseCheckTest, AFileInUseIsNotRead) {
  MakeDatabase();
  const Fd lock(open(host_.subject.layout().RootLock().c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(LockHolder(host_.subject.tree, host_.subject.layout().RootLock()), getpid());
  EXPECT_THAT(Lines(Look(), "database.integrity"), ElementsAre(HasSubstr("is in use")));
}

TEST_F(DatabaseCheckTest, DatabasesThatWereSetAsideAreNamed) {
  MakeDatabase();
  host_.subject.tree = HostTree(host_.directory.path());
  host_.Write("/root/crisp/crisp.db.unreadable-1", "x");
  EXPECT_THAT(Lines(Look(), "database.set_aside"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("unreadable-1"))));
}

TEST_F(DatabaseCheckTest, ANodeWithoutADatabaseIsANote) {
  EXPECT_THAT(Lines(Look(), "database.size"), ElementsAre(StartsWith("note: ")));
}

}  // namespace
}  // namespace crisp
