// A pod keeps the runtime that it was made on, while the configuration changes around it.
#include "sandbox/setup.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sandbox/pod_runtime.h"
#include "sandbox/record.pb.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kProgram[] = "/bin/sh";  // one that is installed

RuntimeHandlers Handlers(const std::map<std::string, OciRuntime>& runtimes, const std::string& default_name,
                         const std::map<std::string, HandlerOptions>& options = {}) {
  RuntimeHandlers::Features features;
  for (const auto& [name, runtime] : runtimes) features[name].user_namespace = true;
  return RuntimeHandlers(runtimes, default_name, options, features);
}

TEST(PodRuntimeTest, IsRecordedWithItsName) {
  const RuntimeHandlers handlers = Handlers({{"runc", {kProgram, "/root", true, true, true}}}, "runc");
  PodRecord record;
  ASSERT_TRUE(ChooseRuntime(handlers, "", &record).ok());
  EXPECT_EQ(HandlerNameOf(record), "runc");
  const RuntimeHandlers others = Handlers({{"crun", {"/bin/true", "/other", false, false, false}}}, "crun");
  const auto runtime = RecordedRuntime(others, record);
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  EXPECT_EQ(runtime->binary, kProgram);
  EXPECT_EQ(runtime->root, "/root");
  EXPECT_TRUE(runtime->systemd_cgroup && runtime->no_pivot_root && runtime->no_new_keyring);
}

TEST(PodRuntimeTest, AProgramThatIsGoneIsReplacedByTheOneOfItsHandler) {
  PodRecord record;
  ASSERT_TRUE(ChooseRuntime(Handlers({{"runc", {"/nowhere/runc", "/root", true}}}, "runc"), "runc", &record).ok());
  const auto runtime = RecordedRuntime(Handlers({{"runc", {kProgram, "/other", false}}}, "runc"), record);
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  EXPECT_EQ(runtime->binary, kProgram);
  EXPECT_EQ(runtime->root, "/root") << "its containers are known there";
  EXPECT_TRUE(runtime->systemd_cgroup);
  EXPECT_FALSE(RecordedRuntime(Handlers({{"crun", {kProgram, "/other"}}}, "crun"), record).ok());
}

TEST(PodRuntimeTest, ARecordOfTheFirstVersionHasTheHandlersNameOnly) {
  PodRecord record;
  record.set_runtime_handler("runc");
  EXPECT_EQ(RecordedRuntime(Handlers({{"runc", {kProgram, "/root"}}}, "runc"), record)->root, "/root");
  EXPECT_EQ(HandlerNameOf(record), "runc");
}

TEST(FormerRuntimesTest, StayForTheirPodsAndTakeNoNewOnes) {
  SandboxOptions before;
  before.runtimes = {{"runc", {kProgram, "/runc"}}, {"kata", {kProgram, "/kata"}}};
  before.handlers["kata"].cgroup_writable = true;
  before.default_runtime = "runc";
  SandboxOptions now;
  now.runtimes = {{"runc", {"/bin/true", "/other"}}};
  now.default_runtime = "runc";
  KeepFormerRuntimes(before, &now);
  const RuntimeHandlers handlers = Handlers(now.runtimes, now.default_runtime, now.handlers);
  EXPECT_EQ(handlers.Find("runc")->binary, "/bin/true");
  EXPECT_EQ(handlers.Find("kata")->root, "/kata");
  EXPECT_TRUE(handlers.OptionsOf("kata").cgroup_writable);
  EXPECT_TRUE(handlers.FeaturesOf("kata").user_namespace);
  EXPECT_THAT(std::string(handlers.CheckUsable("kata").message()), HasSubstr("does not have it any more"));
  EXPECT_TRUE(handlers.CheckUsable("runc").ok());
  EXPECT_THAT(handlers.AllFeatures(), UnorderedElementsAre(Pair("", testing::_), Pair("runc", testing::_)));

  SandboxOptions again = before;
  KeepFormerRuntimes(now, &again);
  EXPECT_FALSE(again.handlers["kata"].former) << "it is configured again";
}

}  // namespace
}  // namespace crisp
