#include "runtime/exec_plan.h"

#include <sched.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using nlohmann::json;
using shim::ExecPlan;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json Spec() {
  return json::parse(R"({
    "ociVersion": "1.0.2", "root": {"path": "rootfs"}, "mounts": [], "hostname": "h",
    "process": {"terminal": false, "user": {"uid": 7, "gid": 8, "additionalGids": [8, 9]}, "args": ["x"],
                "env": ["PATH=/bin", "HOME=/root"], "cwd": "/work", "noNewPrivileges": true, "oomScoreAdj": -5,
                "capabilities": {"bounding": ["CAP_CHOWN", "CAP_NOT_KNOWN"], "permitted": ["CAP_KILL"]},
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20}]},
    "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network", "path": "/n"}]}})");
}

absl::StatusOr<ExecPlanBase> Make(const json& spec) {
  return ExecPlanBase::Make(spec.dump(), "id", /*session_keyring=*/true);
}

// A plan as its reader takes it apart.
struct Read {
  explicit Read(const std::string& plan) {
    std::memcpy(&head, plan.data(), sizeof(head));
    const char* at = plan.data() + sizeof(head) + head.instructions * sizeof(sock_filter);
    limits.resize(head.limits);
    std::memcpy(limits.data(), at, head.limits * sizeof(shim::ExecLimit));
    at += head.limits * sizeof(shim::ExecLimit);
    groups.resize(head.groups);
    std::memcpy(groups.data(), at, head.groups * sizeof(uint32_t));
    at += head.groups * sizeof(uint32_t);
    while (at < plan.data() + plan.size()) {
      texts.emplace_back(at);
      at += texts.back().size() + 1;
    }
    whole = at == plan.data() + plan.size() && head.size == plan.size();
  }
  ExecPlan head;
  std::vector<shim::ExecLimit> limits;
  std::vector<uint32_t> groups;
  std::vector<std::string> texts;
  bool whole = false;
};

TEST(ExecPlanTest, HasAllThatTheSpecSays) {
  const auto base = Make(Spec());
  ASSERT_TRUE(base.ok()) << base.status();
  const Read plan(*base->For({"ls", ""}, /*terminal=*/false));
  EXPECT_TRUE(plan.whole);
  EXPECT_EQ(plan.head.version, shim::kExecPlanVersion);
  EXPECT_EQ(plan.head.flags, ExecPlan::kNoNewPrivileges);
  EXPECT_EQ(plan.head.namespaces, uint32_t{CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET});
  EXPECT_EQ(plan.head.uid, 7u);
  EXPECT_EQ(plan.head.gid, 8u);
  EXPECT_EQ(plan.head.oom_score_adj, -5);
  EXPECT_EQ(plan.head.bounding, 1u) << "a name that the kernel does not know is passed over";
  EXPECT_EQ(plan.head.permitted, 1u << 5);
  EXPECT_EQ(plan.head.effective, 0u);
  ASSERT_EQ(plan.limits.size(), 1u);
  EXPECT_EQ(plan.limits[0].hard, 20u);
  EXPECT_THAT(plan.groups, ElementsAre(8, 9));
  EXPECT_THAT(plan.texts, ElementsAre("_ses.id", "/work", "ls", "", "PATH=/bin", "HOME=/root"));
}

TEST(ExecPlanTest, ATerminalHasATypeUnlessTheContainerSetsIt) {
  const Read plan(*Make(Spec())->For({"ls"}, /*terminal=*/true));
  EXPECT_EQ(plan.texts.back(), "TERM=xterm");
  EXPECT_NE(plan.head.flags & ExecPlan::kTerminal, 0u);
  json spec = Spec();
  spec["process"]["env"].push_back("TERM=dumb");
  EXPECT_EQ(Read(*Make(spec)->For({"ls"}, /*terminal=*/true)).texts.back(), "TERM=dumb");
}

TEST(ExecPlanTest, WhatIsNotOnTheListIsForTheRuntime) {
  const std::pair<const char*, json> changes[] = {
      {"/vm", json::object()},
      {"/process/apparmorProfile", "p"},
      {"/process/selinuxLabel", "l"},
      {"/process/ioPriority", json::object()},
      {"/process/scheduler", json::object()},
      {"/process/execCPUAffinity", json::object()},
      {"/process/consoleSize", json::object()},
      {"/process/user/umask", 18},
      {"/process/env", json::array({"PATH=/bin"})},
      {"/process/env", json::array({"HOME=/", "NOTHING"})},
      {"/process/rlimits/0/type", "RLIMIT_NEW"},
      {"/linux/personality", json::object()},
      {"/linux/timeOffsets", json::object()},
      {"/linux/intelRdt", json::object()},
      {"/linux/memoryPolicy", json::object()},
      {"/linux/namespaces/1/type", "user"},
      {"/linux/namespaces/1/type", "time"},
      {"/linux/namespaces/0/type", "uts"},
      {"/linux/seccomp", json{{"defaultAction", "SCMP_ACT_NOTIFY"}}},
      {"/linux/seccomp", json{{"defaultAction", "SCMP_ACT_ALLOW"}, {"flags", {"SECCOMP_FILTER_FLAG_LOG"}}}},
      {"/linux/seccomp", json{{"defaultAction", "SCMP_ACT_ALLOW"}, {"listenerPath", "/s"}}},
      {"/linux/seccomp", json{{"defaultAction", "SCMP_ACT_ALLOW"}}},  // without the machine's architecture
  };
  for (const auto& [path, value] : changes) {
    json spec = Spec();
    spec[json::json_pointer(path)] = value;
    EXPECT_TRUE(absl::IsUnimplemented(Make(spec).status())) << path << ": " << Make(spec).status();
  }
}

TEST(ExecPlanTest, ADamagedSpecIsSaidToBe) {
  EXPECT_TRUE(absl::IsInternal(ExecPlanBase::Make("[", "id", true).status()));
  for (const char* path : {"/process", "/linux", "/process/user/uid", "/process/env"}) {
    json spec = Spec();
    spec[json::json_pointer(path)] = "nonsense";
    EXPECT_THAT(Make(spec).status().ToString(), HasSubstr("damaged")) << path;
  }
}

TEST(ExecPlanTest, ACommandIsCheckedAsForTheRuntime) {
  const auto base = Make(Spec());
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{}, {""}, {std::string("a\0b", 3)}, {"\xff"}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(base->For(command, false).status()));
  }
  EXPECT_TRUE(absl::IsUnimplemented(base->For({"ls", std::string(shim::kMaxExecPlan, 'x')}, false).status()));
}

}  // namespace
}  // namespace crisp
