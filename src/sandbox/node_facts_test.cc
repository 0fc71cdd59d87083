#include "sandbox/node_facts.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <future>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "runtime/host.h"

namespace crisp {
namespace {

using testing::HasSubstr;

TEST(NodeFactsTest, TheKernelIsTheOneThatRuns) {
  const auto facts = ReadNodeFacts(false, {});
  ASSERT_EQ(facts.status(), absl::OkStatus());
  utsname names{};
  ASSERT_EQ(uname(&names), 0);
  EXPECT_EQ(facts->host.architecture, names.machine);
  const std::string version = absl::StrCat(facts->host.kernel_major, ".", facts->host.kernel_minor);
  EXPECT_EQ(std::string(names.release).substr(0, version.size()), version);
  EXPECT_EQ(facts->host.hostname, NodeHostname());
  EXPECT_EQ(facts->boot_id + "\n", *ReadFileAt(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64));
}

TEST(NodeFactsTest, AWrongNameOfAProfileInTheConfigurationIsRefused) {
  SecurityOptions security;
  security.unset_seccomp_profile = "runtime/defualt";
  const absl::Status refused = ReadNodeFacts(false, security).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("unset_seccomp_profile"));
}

TEST(NodeFactsTest, WhatTheConfigurationAllowsIsHandedOn) {
  SecurityOptions security;
  security.unset_seccomp_profile = "runtime/default";
  security.enable_unprivileged_ports = true;
  security.disable_hugetlb_controller = true;
  security.tolerate_missing_hugetlb_controller = false;
  const auto facts = ReadNodeFacts(false, security);
  ASSERT_EQ(facts.status(), absl::OkStatus());
  EXPECT_EQ(facts->host.unset_seccomp_profile, "runtime/default");
  EXPECT_TRUE(facts->host.unprivileged_ports);
  EXPECT_FALSE(facts->host.unprivileged_icmp);
  EXPECT_FALSE(facts->host.hugepage_limits);
  EXPECT_TRUE(facts->host.drop_hugepage_limits) << "the controller is disabled: its limits are left out";
  security.disable_hugetlb_controller = false;
  EXPECT_FALSE(ReadNodeFacts(false, security)->host.drop_hugepage_limits) << "nothing excuses a missing controller";
}

TEST(NodeFactsTest, AppArmorThatIsDisabledConfinesNobody) {
  SecurityOptions security;
  security.disable_apparmor = true;
  EXPECT_FALSE(ReadNodeFacts(false, security)->host.apparmor);
}

TEST(NodeFactsTest, WhereItIsRestrictedNoContainerGetsLessThanTheDaemonHas) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string own =
      std::string(absl::StripAsciiWhitespace(*ReadFileAt(AT_FDCWD, "/proc/self/oom_score_adj", 64)));
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj", "123", 0).ok());
  EXPECT_EQ(ReadNodeFacts(true, {})->host.oom_score_adj_floor, 123);
  EXPECT_EQ(ReadNodeFacts(false, {})->host.oom_score_adj_floor, *HostOomScoreAdjFloor()) << "what the kernel allows";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj", own, 0).ok());
}

TEST(NodeHostnameTest, IsThatOfTheKernelAndLocalhostWithoutOne) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto named = [](const std::string& name) {
    // A UTS namespace of a thread of its own.
    return std::async(std::launch::async,
                      [&name] {
                        EXPECT_EQ(unshare(CLONE_NEWUTS), 0);
                        EXPECT_EQ(sethostname(name.data(), name.size()), 0);
                        return NodeHostname();
                      })
        .get();
  };
  EXPECT_EQ(named("node-7"), "node-7");
  EXPECT_EQ(named(""), "localhost");
}

}  // namespace
}  // namespace crisp
