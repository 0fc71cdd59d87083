#include "os/cgroup_limits.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "os/cgroup.h"
#include "os/file.h"

namespace crisp {
namespace {

TEST(CpuWeightTest, BothEndsMeet) {
  EXPECT_EQ(CpuWeight(2), 1u);
  EXPECT_EQ(CpuWeight(1024), 39u);
  EXPECT_EQ(CpuWeight(262144), 10000u);
  EXPECT_EQ(CpuWeight(0), 1u);
}

// A real cgroup of this machine. With v2 only, the controllers must be enabled below the root.
class CgroupLimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    dirs_ = *ContainerCgroups(absl::StrCat("/crisp-limits-test-", getpid()), false);
    for (const cgroup::Dir& dir : dirs_) ASSERT_EQ(mkdir(dir.path.c_str(), 0755), 0) << dir.path;
  }
  void TearDown() override { EXPECT_TRUE(RemoveCgroups(dirs_).ok()); }

  // The content of a file of the controller, of v1 or v2.
  std::string Get(const char* controller, const char* v1, const char* v2) {
    for (const cgroup::Dir& dir : dirs_) {
      if (dir.Has(controller)) return Read(dir.path + "/" + v1);
    }
    for (const cgroup::Dir& dir : dirs_) {
      if (dir.v2) return Read(dir.path + "/" + v2);
    }
    return "";
  }
  static std::string Read(const std::string& path) {
    const auto text = ReadFileAt(AT_FDCWD, path, 4096);
    return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : text.status().ToString();
  }
  bool v1() const {
    for (const cgroup::Dir& dir : dirs_) {
      if (dir.Has("cpu")) return true;
    }
    return false;
  }

  cgroup::Dirs dirs_;
};

TEST_F(CgroupLimitsTest, AreWritten) {
  CgroupLimits limits;
  limits.cpu_shares = 512;
  limits.cpu_quota = 40000;
  limits.cpu_period = 50000;
  limits.memory = 64 << 20;
  const absl::Status set = SetCgroupLimits(dirs_, limits);
  ASSERT_TRUE(set.ok()) << set;
  EXPECT_EQ(Get("cpu", "cpu.shares", "cpu.weight"), v1() ? "512" : "20");
  EXPECT_EQ(Get("cpu", "cpu.cfs_quota_us", "cpu.max"), v1() ? "40000" : "40000 50000");
  EXPECT_TRUE(!v1() || Get("cpu", "cpu.cfs_period_us", "") == "50000");
  EXPECT_EQ(Get("memory", "memory.limit_in_bytes", "memory.max"), "67108864");

  CgroupLimits none;
  none.cpu_quota = -1;
  none.memory = -1;
  ASSERT_TRUE(SetCgroupLimits(dirs_, none).ok());
  EXPECT_EQ(Get("cpu", "cpu.cfs_quota_us", "cpu.max"), v1() ? "-1" : "max 50000");
  EXPECT_EQ(Get("cpu", "cpu.shares", "cpu.weight"), v1() ? "512" : "20") << "what is absent stays";
}

TEST_F(CgroupLimitsTest, WhatTheKernelRefusesIsNamed) {
  CgroupLimits limits;
  limits.cpu_quota = 1;
  const absl::Status set = SetCgroupLimits(dirs_, limits);
  EXPECT_FALSE(set.ok());
  EXPECT_NE(set.message().find("set 1"), absl::string_view::npos) << set;
}

TEST_F(CgroupLimitsTest, PagesThatTheMachineDoesNotHaveAreAnError) {
  CgroupLimits limits;
  limits.hugepages["3MB"] = 0;
  EXPECT_FALSE(SetCgroupLimits(dirs_, limits).ok());
}

}  // namespace
}  // namespace crisp
