#include "sandbox/pod_cgroup.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace crisp
