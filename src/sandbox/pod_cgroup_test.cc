#include "sandbox/pod_cgroup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "os/cgroup.h"
#include "os/file.h"

namespace crisp {
namespace {

PodRecord Pod(const std::string& parent, const std::string& cgroups_path) {
  PodRecord record;
  record.mutable_config()->mutable_linux()->set_cgroup_parent(parent);
  record.set_cgroups_path(cgroups_path);
  return record;
}

TEST(PodCgroupTest, IsTheOneAboveTheContainers) {
  const PodRecord pod = Pod("/kubepods/pod1/", "/kubepods/pod1/id");
  EXPECT_EQ(PodCgroupName(pod, false), "/kubepods/pod1");
  for (const cgroup::Dir& dir : PodCgroups(pod, false)) {
    EXPECT_EQ(dir.path.substr(dir.path.size() - 14), "/kubepods/pod1");
  }
  const PodRecord slice = Pod("kubepods-pod1.slice", "kubepods-pod1.slice:crisp:id");
  EXPECT_EQ(PodCgroupName(slice, true), "kubepods-pod1.slice");
  for (const cgroup::Dir& dir : PodCgroups(slice, true)) {
    EXPECT_NE(dir.path.find("/kubepods.slice/kubepods-pod1.slice"), std::string::npos) << dir.path;
    EXPECT_EQ(dir.path.find("scope"), std::string::npos) << dir.path;
  }
}

TEST(PodCgroupTest, WithoutAParentThereIsNone) {
  EXPECT_EQ(PodCgroupName(Pod("", "/id"), false), "");
  EXPECT_EQ(PodCgroupName(Pod("/", "/id"), false), "");
  EXPECT_EQ(PodCgroupName(Pod("", "system.slice:crisp:id"), true), "");
  EXPECT_EQ(PodCgroupName(Pod("-.slice", "-.slice:crisp:id"), true), "");
  EXPECT_TRUE(PodCgroups(Pod("", "/id"), false).empty());
  EXPECT_FALSE(PodCgroupExists(Pod("", "/id"), false));
}

TEST(PodCgroupTest, OfSomebodyElseIsLeftAlone) {
  PodRecord pod = Pod("/crisp-no-such-pod", "/crisp-no-such-pod/id");
  EXPECT_FALSE(PodCgroupExists(pod, false));
  pod.mutable_updated_resources()->set_memory_limit_in_bytes(1 << 30);
  EXPECT_TRUE(LimitPodCgroup(pod, false).ok());
  pod.set_made_pod_cgroup(true);
  EXPECT_FALSE(LimitPodCgroup(pod, false).ok()) << "it is not there";
}

// A pod whose cgroup crisp has made, in all hierarchies of this machine.
class OwnPodCgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    pod_ = Pod(parent_, parent_ + "/id");
    pod_.set_made_pod_cgroup(true);
    for (const cgroup::Dir& dir : PodCgroups(pod_, false)) ASSERT_TRUE(MakeDirs(dir.path, 0755).ok()) << dir.path;
  }
  void TearDown() override { EXPECT_EQ(RemoveCgroups(PodCgroups(pod_, false)), absl::OkStatus()); }

  // What the first of these files says; "none" where the machine has neither.
  std::string Value(const std::string& v1, const std::string& v2) const {
    for (const cgroup::Dir& dir : PodCgroups(pod_, false)) {
      const auto text = ReadFileAt(AT_FDCWD, absl::StrCat(dir.path, "/", dir.v2 ? v2 : v1), 64);
      if (text.ok()) return std::string(absl::StripAsciiWhitespace(*text));
    }
    return "none";
  }

  const std::string parent_ = absl::StrCat("/crisp-unit-pod-", getpid());
  PodRecord pod_;
};

TEST_F(OwnPodCgroupTest, ItsLimitsAreTheSumOfResourcesAndOverhead) {
  if (Value("cpu.cfs_quota_us", "cpu.max") == "none" || Value("memory.limit_in_bytes", "memory.max") == "none") {
    return;  // this machine's cgroups of tests have no controllers
  }
  pod_.mutable_updated_resources()->set_cpu_period(50000);
  pod_.mutable_updated_resources()->set_cpu_quota(20000);
  pod_.mutable_updated_resources()->set_memory_limit_in_bytes(64 << 20);
  pod_.mutable_updated_overhead()->set_cpu_quota(10000);  // in 100 ms, the kernel's period
  pod_.mutable_updated_overhead()->set_memory_limit_in_bytes(16 << 20);
  ASSERT_EQ(LimitPodCgroup(pod_, false), absl::OkStatus());
  EXPECT_TRUE(Value("cpu.cfs_quota_us", "cpu.max") == "25000" || Value("cpu.cfs_quota_us", "cpu.max") == "25000 50000")
      << Value("cpu.cfs_quota_us", "cpu.max") << ": overhead counts by the pod's period";
  EXPECT_EQ(Value("memory.limit_in_bytes", "memory.max"), absl::StrCat(80 << 20));
  pod_.mutable_updated_resources()->set_cpu_quota(-1);
  ASSERT_EQ(LimitPodCgroup(pod_, false), absl::OkStatus());
  EXPECT_TRUE(Value("cpu.cfs_quota_us", "cpu.max") == "-1" || Value("cpu.cfs_quota_us", "cpu.max") == "max 50000");
}

TEST_F(OwnPodCgroupTest, OverheadAloneLimitsNothing) {
  const std::string before = Value("memory.limit_in_bytes", "memory.max");
  pod_.mutable_updated_overhead()->set_memory_limit_in_bytes(16 << 20);
  pod_.mutable_updated_overhead()->set_cpu_shares(1000);
  ASSERT_EQ(LimitPodCgroup(pod_, false), absl::OkStatus());
  EXPECT_EQ(Value("memory.limit_in_bytes", "memory.max"), before);
}

TEST_F(OwnPodCgroupTest, ItIsRemovedOnceNoOtherPodIsBelowIt) {
  EXPECT_TRUE(PodCgroupExists(pod_, false));
  const std::string below = PodCgroups(pod_, false).front().path + "/other";
  ASSERT_TRUE(MakeDirs(below, 0755).ok());
  EXPECT_EQ(RemovePodCgroup(pod_, false), absl::OkStatus());
  EXPECT_TRUE(PodCgroupExists(pod_, false)) << "another pod is below it";
  ASSERT_EQ(rmdir(below.c_str()), 0);
  EXPECT_EQ(RemovePodCgroup(pod_, false), absl::OkStatus());
  EXPECT_FALSE(PodCgroupExists(pod_, false));
  EXPECT_EQ(RemovePodCgroup(pod_, false), absl::OkStatus()) << "it is gone already";
}

TEST_F(OwnPodCgroupTest, ThatOfSomebodyElseIsNotRemoved) {
  pod_.set_made_pod_cgroup(false);
  EXPECT_EQ(RemovePodCgroup(pod_, false), absl::OkStatus());
  EXPECT_TRUE(PodCgroupExists(pod_, false));
}

}  // namespace
}  // namespace crisp
