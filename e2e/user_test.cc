// Users and groups of containers, and what an image may say of them.
#include <sstream>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using UserTest = NodeTest;

// containerd's CVE-2023-25173 and CRI-O's CVE-2022-2995: one group too many, or the primary one missing.
TEST_F(UserTest, GroupsAreThoseOfEveryCombination) {
  const PodRef pod = RunPod("groups");
  struct Case {
    int64_t uid;  // -1: unset
    int64_t gid;  // -1: unset
    std::vector<int64_t> more;
    cri::SupplementalGroupsPolicy policy;
    int64_t expected_gid;
    std::vector<int64_t> expected;
  };
  // app is 1234, of group 50, and a member of 50 and 60.
  const std::vector<Case> cases = {
      {-1, -1, {}, cri::Merge, 0, {0}},
      {-1, -1, {7}, cri::Merge, 0, {0, 7}},
      {-1, -1, {0, 0}, cri::Strict, 0, {0}},
      {1234, -1, {}, cri::Merge, 50, {50, 60}},
      {1234, -1, {7, 60}, cri::Merge, 50, {50, 60, 7}},
      {1234, -1, {7}, cri::Strict, 50, {50, 7}},
      {1234, -1, {}, cri::Strict, 50, {50}},
      {1234, 99, {}, cri::Merge, 99, {99, 50, 60}},
      {1234, 99, {7}, cri::Merge, 99, {99, 50, 60, 7}},
      {1234, 99, {7}, cri::Strict, 99, {99, 7}},
      {1234, 0, {}, cri::Strict, 0, {0}},
      {7777, -1, {}, cri::Merge, 0, {0}},
      {7777, 88, {9}, cri::Merge, 88, {88, 9}},
      {7777, 88, {9}, cri::Strict, 88, {88, 9}},
      {2147483647, 2147483647, {}, cri::Merge, 2147483647, {2147483647}},
  };
  int number = 0;
  for (const Case& c : cases) {
    const std::string name = "case-" + std::to_string(number++);
    cri::ContainerConfig config = ContainerOf(name, "id -u; id -g; id -G");
    if (c.uid >= 0) Security(config).mutable_run_as_user()->set_value(c.uid);
    if (c.gid >= 0) Security(config).mutable_run_as_group()->set_value(c.gid);
    if (c.gid >= 0 && c.uid < 0) continue;
    for (const int64_t gid : c.more) Security(config).add_supplemental_groups(gid);
    Security(config).set_supplemental_groups_policy(c.policy);
    std::istringstream output(OutputOf(pod, config));
    int64_t uid = -1, gid = -1;
    output >> uid >> gid;
    std::vector<int64_t> groups;
    for (int64_t group = 0; output >> group;) groups.push_back(group);
    EXPECT_EQ(uid, c.uid < 0 ? 0 : c.uid) << name;
    EXPECT_EQ(gid, c.expected_gid) << name;
    EXPECT_THAT(groups, UnorderedElementsAreArray(c.expected)) << name;
  }
}

TEST_F(UserTest, AUserMayBeGivenByName) {
  const PodRef pod = RunPod("by-name");
  cri::ContainerConfig config = ContainerOf("main", "id -u; id -G; sleep 1000");
  Security(config).set_run_as_username("app");
  const std::string id = Start(pod, config);
  EXPECT_EQ(Sh(id, "id -nu; id -G"), "app\n50 60\n");
  const cri::LinuxContainerUser user = StatusOf(id).user().linux();
  EXPECT_EQ(user.uid(), 1234);
  EXPECT_EQ(user.gid(), 50);
  EXPECT_THAT(user.supplemental_groups(), ElementsAre(50, 60));
}

// CVE-2026-46680: a number was looked up as a name, and the entry of that name was root's. CVE-2024-40635: a number
// that was too large became 0.
TEST_F(UserTest, ANumberIsNeverANameAndNeverTooLarge) {
  for (const char* image : {kOddUsers, kOverflow}) Must(cri().Pull(image));
  const PodRef pod = RunPod("numbers");
  cri::ContainerConfig config = ContainerOf("number", "cat /proc/self/status | grep ^Uid; echo $HOME");
  config.mutable_image()->set_image(kOddUsers);
  EXPECT_EQ(OutputOf(pod, config), "Uid:\t1000\t1000\t1000\t1000\n/\n");
  config.mutable_image()->set_image(kOverflow);
  config.mutable_metadata()->set_name("overflow");
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("4294967296"));
}

// CRI-O's CVE-2022-4318: a newline in HOME adds a line to /etc/passwd.
TEST_F(UserTest, AHomeWithAControlCharacterIsRefused) {
  Must(cri().Pull(kOddUsers));
  const PodRef pod = RunPod("home");
  cri::ContainerConfig config = ContainerOf("main", "true");
  config.mutable_image()->set_image(kOddUsers);
  Security(config).set_run_as_username("bell");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("control character"));
  Security(config).clear_run_as_username();
  config.add_envs()->set_key("HOME");
  config.mutable_envs(0)->set_value("/root\nroot::0:0::/:/bin/sh");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("envs[0].value"));
}

// CVE-2026-47262: the daemon read a file of any size into memory.
TEST_F(UserTest, AHugePasswdIsRefused) {
  Must(cri().Pull(kHugePasswd));
  const PodRef pod = RunPod("huge");
  cri::ContainerConfig config = ContainerOf("main", "true");
  config.mutable_image()->set_image(kHugePasswd);
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("/etc/passwd"));
}

// CVE-2026-53488: labels of an image were taken for instructions.
TEST_F(UserTest, LabelsOfAnImageAreInert) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("labels");
  cri::ContainerConfig config = ContainerOf("main", "true");
  config.mutable_image()->set_image(kDefaults);
  const std::string id = Create(pod, config);
  EXPECT_THAT(ReadFile(node().paths().spec(pod.id, id)), AllOf(HasSubstr("FROM_IMAGE"), Not(HasSubstr("inert"))));
  EXPECT_TRUE(StatusOf(id).labels().empty());
}

}  // namespace
}  // namespace crisp::e2e
