#include "network/plugin_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class PluginStatusTest : public testing::Test {
 protected:
  // The network's only plugin.
  void WritePlugin(const std::string& script) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.Path("net"), "#!/bin/sh\n" + script + "\n", 0755).ok());
  }
  static std::vector<CniConfigList> Network(const std::string& version) {
    return {*ParseCniConfig(
        "10-net.conflist", absl::StrCat(R"({"cniVersion":")", version, R"(","name":"n","plugins":[{"type":"net"}]})"))};
  }
  absl::Status Status(const std::string& version = "1.1.0") { return status_.Of(Network(version)); }

  TestDir dir_;
  NetworkCounters counters_;
  PluginStatus status_{{{dir_.path()}, &counters_}, {std::chrono::milliseconds(200), std::chrono::seconds(20)}};
};

TEST_F(PluginStatusTest, APluginThatServesIsReady) {
  WritePlugin("echo $CNI_COMMAND > " + dir_.Path("asked") + "; cat >> " + dir_.Path("asked"));
  PluginStatus patient({{dir_.path()}, &counters_}, {std::chrono::seconds(20), std::chrono::seconds(20)});
  EXPECT_EQ(patient.Of(Network("1.1.0")), absl::OkStatus());
  EXPECT_EQ(counters_.plugins.Of("net").commands.Of("STATUS").failures.value(), 0u);
  EXPECT_THAT(*ReadFileAt(AT_FDCWD, dir_.Path("asked"), 1000),
              AllOf(HasSubstr("STATUS\n"), HasSubstr(R"("cniVersion":"1.1.0")"), HasSubstr(R"("name":"n")")));
}

TEST_F(PluginStatusTest, WhatAPluginLacksIsSaidInItsWords) {
  WritePlugin(R"(echo '{"cniVersion":"1.1.0","code":50,"msg":"the controller does not answer"}'; exit 1)");
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(Status().message(), "controller"); }));
  const absl::Status status = Status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("plugin net (10-net.conflist)"), HasSubstr("the controller does not answer")));
}

TEST_F(PluginStatusTest, ANetworkOfAnOlderVersionIsNotAsked) {
  WritePlugin("exit 1");
  EXPECT_EQ(Status("1.0.0"), absl::OkStatus());
}

// The kubelet must not wait for it.
TEST_F(PluginStatusTest, OneThatHangsKeepsItsLastAnswer) {
  WritePlugin("[ ! -e " + dir_.Path("hang") + " ] || exec sleep 1000");
  ASSERT_TRUE(Eventually([&] { return Status().ok(); }));
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.Path("hang"), "", 0644).ok());
  EXPECT_EQ(Status(), absl::OkStatus());
  EXPECT_EQ(Status(), absl::OkStatus());
}

TEST_F(PluginStatusTest, WithoutAnAnswerItIsNotReady) {
  WritePlugin("exec sleep 1000");
  EXPECT_THAT(std::string(Status().message()), HasSubstr("have not answered STATUS yet"));
}

TEST_F(PluginStatusTest, OneThatHangsForLongIsKilledAndNamed) {
  WritePlugin("exec sleep 1000");
  PluginStatus status({{dir_.path()}, &counters_}, {std::chrono::milliseconds(1), std::chrono::milliseconds(100)});
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(status.Of(Network("1.1.0")).message(), "was killed"); }));
}

TEST_F(PluginStatusTest, ItAsksAgain) {
  WritePlugin("[ -e " + dir_.Path("up") + " ]");
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(Status().message(), "plugin net"); }));
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.Path("up"), "", 0644).ok());
  EXPECT_TRUE(Eventually([&] { return Status().ok(); }));
}

}  // namespace
}  // namespace crisp
