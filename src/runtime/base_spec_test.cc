#include "runtime/base_spec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<BaseSpec> base = ParseBaseSpec(text);
  EXPECT_FALSE(base.ok()) << text;
  return std::string(base.status().message());
}

// In the form of what "ctr oci spec" writes, with limits added, as on the nodes of a large cloud.
constexpr char kUsual[] = R"({
  "ociVersion": "1.1.0",
  "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": null, "noNewPrivileges": true,
    "env": ["PATH=/usr/bin:/bin"],
    "capabilities": {
      "bounding": ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
        "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
        "CAP_KILL", "CAP_AUDIT_WRITE"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 65536}]},
  "root": {"path": "rootfs"},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/sys", "type": "sysfs"}],
  "linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}]}, "cgroupsPath": "/default",
    "namespaces": [{"type": "pid"}], "maskedPaths": ["/proc/acpi"], "readonlyPaths": ["/proc/bus"]}})";

TEST(BaseSpecTest, LimitsAreTakenFromTheUsualFile) {
  const absl::StatusOr<BaseSpec> base = ParseBaseSpec(kUsual);
  ASSERT_TRUE(base.ok()) << base.status();
  EXPECT_EQ(base->rlimits, R"([{"hard":1048576,"soft":65536,"type":"RLIMIT_NOFILE"}])");
  EXPECT_EQ(base->hooks, "");
  EXPECT_EQ(*ParseBaseSpec("{}"), BaseSpec());
}

TEST(BaseSpecTest, HooksAreTakenWithTheirOrder) {
  const absl::StatusOr<BaseSpec> base =
      ParseBaseSpec(R"({"hooks":{"createRuntime":[{"path":"/b","args":["b","1"],"timeout":5},{"path":"/a"}]}})");
  ASSERT_TRUE(base.ok()) << base.status();
  EXPECT_EQ(base->hooks, R"({"createRuntime":[{"args":["b","1"],"path":"/b","timeout":5},{"path":"/a"}]})");
}

// What is lost could be what confines the containers.
TEST(BaseSpecTest, WhatIsNotHonouredIsNamed) {
  EXPECT_THAT(ErrorOf(R"({"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}})"),
              HasSubstr("linux.seccomp.defaultAction is not honoured"));
  EXPECT_THAT(ErrorOf(R"({"linux":{"sysctl":{"net.core.somaxconn":"1"}}})"), HasSubstr("linux.sysctl.net.core"));
  EXPECT_THAT(ErrorOf(R"({"linux":{"resources":{"pids":{"limit":9}}}})"), HasSubstr("linux.resources.pids.limit"));
  EXPECT_THAT(ErrorOf(R"({"process":{"capabilities":{"bounding":["CAP_KILL"]}}})"),
              HasSubstr("process.capabilities.bounding"));
  EXPECT_THAT(ErrorOf(R"({"process":{"env":["A=b"]}})"), HasSubstr("process.env"));
  EXPECT_THAT(ErrorOf(R"({"mounts":[{"destination":"/opt"}]})"), HasSubstr("mounts"));
  EXPECT_THAT(ErrorOf(R"({"root":{"readonly":true}})"), HasSubstr("root.readonly"));
  EXPECT_THAT(ErrorOf(R"({"annotations":{"run.oci.x":"1"}})"), HasSubstr("annotations.run.oci.x"));
}

TEST(BaseSpecTest, WhatCannotBeIsRefused) {
  EXPECT_FALSE(ParseBaseSpec("").ok());
  EXPECT_FALSE(ParseBaseSpec("[]").ok());
  for (const char* rlimit : {R"({"type":"NOFILE","soft":1,"hard":1})", R"({"type":"RLIMIT_NOFILE","soft":2,"hard":1})",
                             R"({"type":"RLIMIT_NOFILE","soft":1})",
                             R"({"type":"RLIMIT_CPU","soft":1,"hard":1},{"type":"RLIMIT_CPU","soft":1,"hard":1})"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat(R"({"process":{"rlimits":[)", rlimit, "]}}")), HasSubstr("process.rlimits"));
  }
  EXPECT_THAT(ErrorOf(R"({"hooks":{"later":[]}})"), HasSubstr("\"later\""));
  EXPECT_THAT(ErrorOf(R"({"hooks":{"prestart":[{"path":"bin/a"}]}})"), HasSubstr("absolute path"));
  EXPECT_FALSE(ParseBaseSpec(R"({"process":[]})").ok());
}

}  // namespace
}  // namespace crisp
