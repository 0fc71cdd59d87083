#include "config_text/check.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

CheckResult Check(const std::string& content) {
  return CheckFile(ReadConfigurationText("a.toml", content));
}

TEST(CheckTest, EveryKeyHasItsLineAndVerdict) {
  const CheckResult result = Check(R"(version = 2
root = "/data"
plugin_dir = ""
temp = "/tmp"
nonsense = 7
)");
  EXPECT_THAT(
      result.text,
      AllOf(HasSubstr("     2  honoured   root = \"/data\"\n"), HasSubstr("     3  default    plugin_dir = \"\"\n"),
            HasSubstr("     4  no effect  temp = \"/tmp\"\n"), HasSubstr("has no effect: crisp needs no"),
            HasSubstr("     5  unknown    nonsense\n"), HasSubstr("correct its name, or remove it")));
  EXPECT_THAT(result.text, HasSubstr("crispd starts, with 2 warnings\n"));
  EXPECT_EQ(result.refused, 0);
  EXPECT_EQ(result.warnings, 2);
}

TEST(CheckTest, AllThatIsRefusedIsNamedAndNotOnlyTheFirst) {
  const CheckResult result = Check(R"(version = 2
plugin_dir = "/plugins"
oom_score = "many"
root = "relative"
[grpc]
tcp_address = "0.0.0.0:80"
)");
  EXPECT_EQ(result.refused, 4);
  EXPECT_THAT(result.text, AllOf(HasSubstr("     2  refused    plugin_dir"), HasSubstr("remove this key"),
                                 HasSubstr("     3  refused    oom_score"), HasSubstr("expected an integer"),
                                 HasSubstr("     4  refused    root"), HasSubstr("     6  refused    grpc.tcp_address"),
                                 HasSubstr("crispd does not start with it")));
}

TEST(CheckTest, AKeyThatWorksMayHaveAWarning) {
  const CheckResult result = Check(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
endpoint = ["https://mirror/library"]
)");
  EXPECT_EQ(result.warnings, 1);
  EXPECT_THAT(result.text,
              AllOf(HasSubstr("     3  honoured "), HasSubstr("likely right is https://mirror/v2/library")));
}

TEST(CheckTest, WhatIsWrongWithTheWholeFileIsNamed) {
  const CheckResult syntax = Check("root = \n");
  EXPECT_EQ(syntax.refused, 1);
  EXPECT_THAT(syntax.text, HasSubstr("a.toml:1: not valid TOML"));
  const CheckResult both = Check(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/a"
bin_dirs = ["/b"]
)");
  EXPECT_EQ(both.refused, 1);
  EXPECT_THAT(both.text, HasSubstr("are both set"));
  EXPECT_THAT(Check("root = \"/a\"\n").text, HasSubstr("version is missing"));
}

TEST(CheckTest, SecretsAreNotShown) {
  const CheckResult result = Check(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".registry.configs."host".auth]
password = "hunter2"
auth = 7
)");
  EXPECT_THAT(result.text, AllOf(HasSubstr("auth.password"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace crisp
