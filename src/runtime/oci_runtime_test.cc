// What an OCI runtime is asked, word by word.
#include "runtime/oci_runtime.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "os/file.h"
#include "runtime/cleanup.h"
#include "runtime/test_pod.h"
#include "runtime/update.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kScope[] = "crisp-test.slice:crisp:a";
constexpr char kSpec[] = R"({"process": {"args": ["sleep"]},
  "linux": {"cgroupsPath": "crisp-test.slice:crisp:a", "resources": {}}})";

// A runtime that writes down its words, a line for each call, and does nothing; its `create` fails.
class RuntimeWordsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    runtime_ = {pod_.Path("fake-runc"), pod_.Path("state"), /*systemd_cgroup=*/true};
    const std::string script = absl::StrCat("#!/bin/sh\necho \"$@\" >> ", pod_.Path("words"),
                                            "\ncase \" $* \" in *' create '*) exit 1; esac\n");
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, runtime_.binary, script, 0755).ok());
  }

  std::string Words() { return ReadFileAt(AT_FDCWD, pod_.Path("words"), 1 << 16).value_or(""); }

  TestPod pod_;
  OciRuntime runtime_;
};

TEST_F(RuntimeWordsTest, TheShimSaysWhichCgroupDriverAtCreateAndDelete) {
  ASSERT_TRUE(pod_.Launch().ok());
  StartRequest request = pod_.Bundle("a", TestPod::Shell("true"));
  request.runtime = runtime_;
  request.cgroups_path = kScope;
  EXPECT_FALSE(pod_.client->Start(request, TestPod::call()).ok());
  const std::string begin = absl::StrCat("--root ", runtime_.root, " --log ", request.bundle, "/");
  const std::vector<std::string> lines = absl::StrSplit(Words(), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u) << Words();
  EXPECT_THAT(lines[0], AllOf(StartsWith(begin), HasSubstr(" --systemd-cgroup create --bundle "), EndsWith(" a")));
  EXPECT_THAT(lines[1], AllOf(StartsWith(begin), EndsWith(" --systemd-cgroup delete --force a")));
}

TEST_F(RuntimeWordsTest, TheDaemonSaysSoAtDelete) {
  EXPECT_TRUE(CleanUpContainer(runtime_, "a", kScope, TestPod::call()).ok());
  EXPECT_EQ(Words(), absl::StrCat("--root ", runtime_.root, " --systemd-cgroup delete --force a\n"));
}

TEST_F(RuntimeWordsTest, TheDaemonSaysSoAtUpdate) {
  const absl::Status updated = UpdateRunning(runtime_, HostFacts(), "a", kSpec, {}, {}, TestPod::call());
  EXPECT_TRUE(updated.ok()) << updated;
  EXPECT_EQ(Words(),
            absl::StrCat("--root ", runtime_.root, " --systemd-cgroup update --resources /proc/self/fd/0 a\n"));
}

TEST_F(RuntimeWordsTest, NothingIsSaidOfSystemdWithoutIt) {
  runtime_.systemd_cgroup = false;
  EXPECT_TRUE(CleanUpContainer(runtime_, "a", "/crisp-test-nosuch/a", TestPod::call()).ok());
  EXPECT_EQ(Words(), absl::StrCat("--root ", runtime_.root, " delete --force a\n"));
}

}  // namespace
}  // namespace crisp
