#include "runtime/update.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/call_context.h"
#include "os/file.h"

namespace crisp {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kSpec[] = R"({
  "process": {"args": ["sleep"], "oomScoreAdj": 7},
  "linux": {"cgroupsPath": "/a/b", "resources": {"devices": [{"allow": false}], "cpu": {"shares": 9, "cpus": "0"}}}})";

HostFacts Host() {
  HostFacts host;
  host.swap_accounting = true;
  return host;
}

cri::LinuxContainerResources Limits() {
  cri::LinuxContainerResources limits;
  limits.set_cpu_shares(512);
  limits.set_cpuset_cpus("0-1");
  limits.set_memory_limit_in_bytes(1 << 26);
  return limits;
}

TEST(MergeLimitsTest, WhatTheChangeLeavesAtZeroStays) {
  cri::LinuxContainerResources change;
  change.set_cpuset_cpus("1");
  change.set_cpu_quota(-1);
  const cri::LinuxContainerResources merged = MergeLimits(Limits(), change);
  EXPECT_EQ(merged.cpu_shares(), 512);
  EXPECT_EQ(merged.cpuset_cpus(), "1");
  EXPECT_EQ(merged.cpu_quota(), -1);
  EXPECT_EQ(merged.memory_limit_in_bytes(), 1 << 26);
}

TEST(MergeLimitsTest, ListsAreMergedByWhatTheyLimit) {
  cri::LinuxContainerResources old = Limits();
  (*old.mutable_unified())["memory.high"] = "1";
  (*old.mutable_unified())["memory.low"] = "2";
  auto* pages = old.add_hugepage_limits();
  pages->set_page_size("2MB");
  pages->set_limit(1);
  cri::LinuxContainerResources change;
  (*change.mutable_unified())["memory.high"] = "3";
  pages = change.add_hugepage_limits();
  pages->set_page_size("2MB");
  pages->set_limit(0);
  pages = change.add_hugepage_limits();
  pages->set_page_size("1GB");
  pages->set_limit(5);
  const cri::LinuxContainerResources merged = MergeLimits(old, change);
  EXPECT_EQ(merged.unified().at("memory.high"), "3");
  EXPECT_EQ(merged.unified().at("memory.low"), "2");
  ASSERT_EQ(merged.hugepage_limits_size(), 2);
  EXPECT_EQ(merged.hugepage_limits(0).limit(), 0u) << "0 is a limit";
  EXPECT_EQ(merged.hugepage_limits(1).page_size(), "1GB");
}

TEST(WithLimitsTest, OnlyTheLimitsChange) {
  const auto text = WithLimits(Host(), kSpec, Limits(), "linux");
  ASSERT_TRUE(text.ok()) << text.status();
  const json spec = json::parse(*text);
  EXPECT_EQ(spec["linux"]["resources"]["cpu"], json({{"shares", 512}, {"cpus", "0-1"}}));
  EXPECT_EQ(spec["linux"]["resources"]["memory"]["limit"], 1 << 26);
  EXPECT_EQ(spec["linux"]["resources"]["memory"]["swap"], 1 << 26) << "as at creation";
  EXPECT_EQ(spec["linux"]["resources"]["devices"], json::parse(R"([{"allow": false}])"));
  EXPECT_EQ(spec["linux"]["cgroupsPath"], "/a/b");
  EXPECT_EQ(spec["process"]["args"], json({"sleep"}));
  EXPECT_EQ(spec["process"]["oomScoreAdj"], 0);
}

TEST(WithLimitsTest, AFieldThatMakesNoSenseIsNamedAsInTheRequest) {
  cri::LinuxContainerResources limits = Limits();
  limits.set_cpu_period(5);
  absl::Status status = WithLimits(Host(), kSpec, limits, "linux").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("field linux.cpu_period"));

  limits = Limits();
  limits.set_memory_swap_limit_in_bytes(1 << 20);
  status = WithLimits(Host(), kSpec, limits, "linux").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("field linux.memory_swap_limit_in_bytes"));

  limits = Limits();
  (*limits.mutable_unified())["memory.high"] = "1";
  status = WithLimits(Host(), kSpec, limits, "linux").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << "there is no cgroup v2";
  EXPECT_THAT(std::string(status.message()), HasSubstr("field linux.unified"));
}

TEST(WithLimitsTest, ADamagedSpecIsInternal) {
  for (const char* spec : {"", "{", "[]", "{}", R"({"linux": {}})"}) {
    EXPECT_EQ(WithLimits(Host(), spec, Limits(), "linux").status().code(), absl::StatusCode::kInternal) << spec;
  }
}

TEST(UpdateRunningTest, WhatTheRuntimeSaysIsInTheError) {
  OciRuntime runtime;
  runtime.binary = "/bin/false";
  const absl::Status status = UpdateRunning(runtime, Host(), "a", kSpec, Limits(), Limits(), CallContext());
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/bin/false update: exit status 1"));
}

TEST(UpdateRunningTest, ARuntimeThatHangsIsKilledAtTheDeadline) {
  std::string script = testing::TempDir() + "crisp-hanging-runtime";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, script, "#!/bin/sh\nexec sleep 100\n", 0700).ok());
  OciRuntime runtime;
  runtime.binary = script;
  const MonoTime start = MonoClock::now();
  const absl::Status status = UpdateRunning(runtime, Host(), "a", kSpec, Limits(), Limits(),
                                            CallContext::WithTimeout(std::chrono::milliseconds(200)));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(10));
  unlink(script.c_str());
}

}  // namespace
}  // namespace crisp
