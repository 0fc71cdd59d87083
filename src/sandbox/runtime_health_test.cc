#include "sandbox/runtime_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"
#include "store/database.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A node whose `root` is a small file system of its own.
class RuntimeHealthTest : public testing::Test {
 protected:
  void SetUp() override {
    EnterMountNamespace();
    ASSERT_EQ(mkdir(layout_.root().c_str(), 0700), 0);
    ASSERT_EQ(mkdir(layout_.state().c_str(), 0700), 0);
    ASSERT_EQ(mount("tmpfs", layout_.root().c_str(), "tmpfs", 0, "size=8m,nr_inodes=200"), 0);
    WriteProgram(runtime_, "#!/bin/sh\necho run >> " + dir_.path() + "/runs\n");
    WriteProgram(shim_, "#!/bin/sh\n");
    auto database = Database::Open(layout_.Database());
    ASSERT_EQ(database.status(), absl::OkStatus());
    database_ = *std::move(database);
    health_ = std::make_unique<RuntimeHealth>(RuntimeHealth::Parts{layout_, database_.get(), runtime_, shim_});
    ASSERT_EQ(health_->Ready(), absl::OkStatus());
  }
  void TearDown() override {
    database_.reset();
    umount2(layout_.root().c_str(), MNT_DETACH);
  }

  static void WriteProgram(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    chmod(path.c_str(), 0755);
  }
  int Runs() const {
    std::ifstream runs(dir_.path() + "/runs");
    int count = 0;
    for (std::string line; std::getline(runs, line);) ++count;
    return count;
  }
  std::string Why() { return std::string(health_->Ready().message()); }

  const TestDir dir_;
  const Layout layout_{dir_.path() + "/root", dir_.path() + "/state", false};
  const std::string runtime_ = dir_.path() + "/oci-runtime";
  const std::string shim_ = dir_.path() + "/crisp-shim";
  std::unique_ptr<Database> database_;
  std::unique_ptr<RuntimeHealth> health_;
};

TEST_F(RuntimeHealthTest, RunsTheRuntimeOnlyWhenItsFileHasChanged) {
  EXPECT_EQ(health_->Ready(), absl::OkStatus());
  EXPECT_EQ(Runs(), 1);
  WriteProgram(runtime_, "#!/bin/sh\necho run >> " + dir_.path() + "/runs # updated\n");
  EXPECT_EQ(health_->Ready(), absl::OkStatus());
  EXPECT_EQ(Runs(), 2);
}

TEST_F(RuntimeHealthTest, NamesARuntimeThatIsGoneOrDoesNotRun) {
  unlink(runtime_.c_str());
  EXPECT_THAT(Why(), AllOf(HasSubstr("default OCI runtime"), HasSubstr(runtime_)));
  WriteProgram(runtime_, "#!/bin/sh\necho no such library >&2; exit 127\n");
  EXPECT_THAT(Why(), HasSubstr("no such library"));
  WriteProgram(runtime_, "#!/bin/sh\n");
  EXPECT_EQ(health_->Ready(), absl::OkStatus());
}

TEST_F(RuntimeHealthTest, NamesAShimThatIsGone) {
  unlink(shim_.c_str());
  EXPECT_THAT(Why(), HasSubstr(shim_));
}

TEST_F(RuntimeHealthTest, NamesAFullFileSystem) {
  std::ofstream file(layout_.root() + "/large");
  const std::string block(1 << 16, 'x');
  while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
  EXPECT_THAT(Why(), AllOf(HasSubstr(layout_.root()), HasSubstr("full")));
  file.close();
  unlink((layout_.root() + "/large").c_str());
  EXPECT_EQ(health_->Ready(), absl::OkStatus());
}

TEST_F(RuntimeHealthTest, NamesAFileSystemWithoutInodes) {
  int made = 0;
  while (std::ofstream(layout_.root() + "/file" + std::to_string(made)).good()) ++made;
  EXPECT_GT(made, 10);
  EXPECT_THAT(Why(), AllOf(HasSubstr(layout_.root()), HasSubstr("inodes")));
}

TEST_F(RuntimeHealthTest, NamesAReadOnlyFileSystem) {
  ASSERT_EQ(mount("", layout_.state().c_str(), "tmpfs", MS_RDONLY, ""), 0);
  EXPECT_THAT(Why(), AllOf(HasSubstr(layout_.state()), HasSubstr("read-only")));
  umount2(layout_.state().c_str(), MNT_DETACH);
}

TEST_F(RuntimeHealthTest, NamesADirectoryThatIsGone) {
  rmdir(layout_.state().c_str());
  EXPECT_THAT(Why(), HasSubstr(layout_.state()));
}

// Nobody else writes meanwhile: the check itself finds that the database can be written again.
TEST_F(RuntimeHealthTest, TriesTheDatabaseAgainAfterAWriteThatFailed) {
  ASSERT_EQ(database_->Run("PRAGMA query_only = ON"), absl::OkStatus());
  EXPECT_FALSE(database_->Run("CREATE TABLE t (a)").ok());
  EXPECT_THAT(Why(), HasSubstr("cannot be written"));
  EXPECT_THAT(Why(), HasSubstr("cannot be written"));
  ASSERT_EQ(database_->Query("PRAGMA query_only = OFF", [](const Row&) {}), absl::OkStatus());
  EXPECT_EQ(health_->Ready(), absl::OkStatus());
}

}  // namespace
}  // namespace crisp
