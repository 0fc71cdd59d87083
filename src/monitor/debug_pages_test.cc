#include "monitor/debug_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/recorder.h"
#include "base/step_log.h"
#include "base/testing/captured_log.h"
#include "monitor/container_facts.h"
#include "monitor/find_any_pod.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "sandbox/pod_log.h"
#include "sandbox/testing/fake_network.h"
#include "sandbox/testing/steps.h"
#include "shim/exit_record.h"
#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class DebugPagesTest : public testing::Test {
 protected:
  DebugPagesTest() { SetLogObserver(recorder_); }
  ~DebugPagesTest() override { SetLogObserver(nullptr); }

  // The pod default/web, with a container.
  PodPtr AddWeb() {
    const PodPtr pod = made_.AddPod("abc123", 7);
    pod->UpdateRecord([](PodRecord* record) {
      cri::PodSandboxMetadata& name = *record->mutable_config()->mutable_metadata();
      name.set_namespace_("default");
      name.set_name("web");
      name.set_uid("u1");
    });
    made_.AddContainer(pod, "c1", 8, Container::State::kExited);
    return pod;
  }
  std::string Page(const std::string& path) const { return DebugPages(sources_).at(path)().body; }
  HttpAnswer Answer(const std::string& rest) const { return DebugTrees(sources_).at("/pods/")(rest); }
  json Facts(const std::string& pod) const { return json::parse(Answer(pod).body); }

  const TestDir dir_;
  const CapturedLog log_;
  MadePods made_;
  const std::shared_ptr<Recorder> recorder_ = *Recorder::InMemory(1 << 16);
  Steps steps_;
  FakeNetwork network_{&steps_};
  const DebugSources sources_{Layout(dir_.Path("root"), dir_.Path("state"), true), made_.table(), recorder_.get(),
                              &network_};
};

TEST_F(DebugPagesTest, PodsAreListedAlsoWhileNoClientSeesThem) {
  AddWeb();
  made_.AddPod("hidden", 1, Pod::State::kCreating);
  const json pods = json::parse(Page("/pods"));
  ASSERT_THAT(pods, SizeIs(2));
  EXPECT_EQ(pods[0], (json{{"id", "abc123"},
                           {"namespace", "default"},
                           {"name", "web"},
                           {"uid", "u1"},
                           {"attempt", 0},
                           {"created_at", 7},
                           {"state", "ready"},
                           {"containers", 1}}));
  EXPECT_EQ(pods[1]["state"], "creating");
}

TEST_F(DebugPagesTest, APodIsFoundByIdByItsBeginningAndByName) {
  AddWeb();
  made_.AddPod("abd", 1);
  for (const char* name : {"abc123", "abc", "default/web"}) EXPECT_EQ(Facts(name)["id"], "abc123") << name;
  EXPECT_EQ(Answer("ab").code, 400);
  EXPECT_THAT(Answer("ab").body, AllOf(HasSubstr("abc123"), HasSubstr("abd")));
  for (const char* name : {"", "xyz", "default/other", "web"}) EXPECT_NE(Answer(name).code, 200) << name;
  EXPECT_EQ(Answer("xyz").code, 404);
}

TEST_F(DebugPagesTest, ThePluginsOfAPodsNetworkAreAskedWhenNothingIsAtWorkOnIt) {
  const PodPtr pod = AddWeb();
  EXPECT_EQ(Answer("none/network").code, 404);
  EXPECT_THAT(Answer("abc123/network").body, HasSubstr("the pod is in the node's network"));
  pod->UpdateRecord([](PodRecord* record) { record->set_cni_plan("plan"); });
  network_.checks = {{"10-a.conflist", "bridge", absl::OkStatus()},
                     {"10-a.conflist", "portmap", absl::InternalError("a rule is gone")}};
  const HttpAnswer answer = Answer("default/web/network");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(json::parse(answer.body),
            (json{{{"file", "10-a.conflist"}, {"plugin", "bridge"}, {"ok", true}},
                  {{"file", "10-a.conflist"}, {"plugin", "portmap"}, {"ok", false}, {"error", "a rule is gone"}}}));
  const auto stopping = pod->gate.TryEnter();
  EXPECT_NE(Answer("abc123/network").code, 200);
  EXPECT_THAT(Answer("abc123/network").body, HasSubstr("an operation is at work on the pod"));
}

TEST_F(DebugPagesTest, OfSeveralPodsOfOneNameTheYoungestIsMeant) {
  AddWeb();
  const PodPtr younger = made_.AddPod("aaa", 9, Pod::State::kCreating);
  younger->UpdateRecord([](PodRecord* record) {
    record->mutable_config()->mutable_metadata()->set_namespace_("default");
    record->mutable_config()->mutable_metadata()->set_name("web");
  });
  EXPECT_EQ((*FindAnyPod(*made_.table(), "default/web"))->id(), "aaa");
}

TEST_F(DebugPagesTest, APodHasItsContainersWithStateLogAndExitRecord) {
  const PodPtr pod = AddWeb();
  const ContainerPtr container = pod->containers.Find("c1");
  container->UpdateRecord([&](ContainerRecord* record) { record->set_log_path(dir_.Path("c1.log")); });
  ASSERT_EQ(WriteFileAt(AT_FDCWD, dir_.Path("c1.log"), "12345", 0600), absl::OkStatus());
  container->log_loss.Set({.dropping = true, .bytes = 77, .lines = 3, .error = "No space left on device"});
  ASSERT_EQ(MakeDirs(sources_.layout.Container("c1"), 0700), absl::OkStatus());
  ASSERT_EQ(shim::WriteExitRecord(sources_.layout.ExitRecord("c1"), {3, 2000, true}), 0);
  const json facts = Facts("abc123");
  EXPECT_EQ(facts["state"], "ready");
  EXPECT_EQ(facts["visible"], true);
  EXPECT_EQ(facts["status"]["metadata"]["name"], "web");
  EXPECT_EQ(facts["shim"]["connected"], false);
  const json one = facts["containers"][0];
  EXPECT_EQ(one["state"], "exited");
  EXPECT_EQ(one["status"]["exit_code"], 3);
  EXPECT_EQ(one["rootfs"]["mounted"], false);
  EXPECT_EQ(one["log"], (json{{"path", dir_.Path("c1.log")},
                              {"bytes", 5},
                              {"lost_bytes", 77},
                              {"lost_lines", 3},
                              {"dropping", true},
                              {"error", "No space left on device"}}));
  EXPECT_EQ(one["exit_record"], (json{{"exit_code", 3}, {"finished_at", 2000}, {"oom_killed", true}}));
}

TEST_F(DebugPagesTest, ValuesOfEnvironmentVariablesAreNotShown) {
  const PodPtr pod = AddWeb();
  pod->containers.Find("c1")->UpdateRecord([](ContainerRecord* record) {
    cri::KeyValue& variable = *record->mutable_config()->add_envs();
    variable.set_key("PASSWORD");
    variable.set_value("hunter2");
  });
  ASSERT_EQ(MakeDirs(sources_.layout.Bundle("abc123", "c1"), 0700), absl::OkStatus());
  ASSERT_EQ(WriteFileAt(AT_FDCWD, sources_.layout.Spec("abc123", "c1"),
                        R"({"process": {"args": ["sh"], "env": ["PASSWORD=hunter2", "HOME=/"]}})", 0600),
            absl::OkStatus());
  const json info = Facts("abc123")["containers"][0]["info"];
  EXPECT_EQ(info["config"]["envs"][0], (json{{"key", "PASSWORD"}, {"value", "***"}}));
  EXPECT_EQ(info["runtimeSpec"]["process"]["env"], (json{"PASSWORD=***", "HOME=***"}));
  EXPECT_EQ(info["runtimeSpec"]["process"]["args"], json{"sh"});
  EXPECT_THAT(Answer("abc123").body, Not(HasSubstr("hunter2")));
}

TEST_F(DebugPagesTest, TheOperationsOnAPodAreThereAndNoOthers) {
  const PodPtr pod = AddWeb();
  const StepLog mine("StopPodSandbox", LogFieldsOf(*pod));
  const StepLog other("StopPodSandbox", {{"pod_id", "other"}});
  EXPECT_THAT(json::parse(Page("/ops")), SizeIs(2));
  const json operations = Facts("abc123")["operations"];
  ASSERT_THAT(operations, SizeIs(1));
  EXPECT_EQ(operations[0]["operation"], "StopPodSandbox");
  EXPECT_EQ(operations[0]["object"]["pod"], "web");
}

TEST_F(DebugPagesTest, TheProcessThatAnOperationWaitsForIsShownWithItsState) {
  StepLog log("RunPodSandbox", {{"pod", "web"}});
  log.WaitFor(getpid());
  const json process = json::parse(Page("/ops"))[0]["waits_for"][0];
  EXPECT_EQ(process["pid"], getpid());
  EXPECT_EQ(process["command"], "monitor_test");
}

TEST_F(DebugPagesTest, APodsTraceHasItsStepsThoughTheyAreBelowTheLevelOfTheLog) {
  const PodPtr pod = AddWeb();
  StepLog("RunPodSandbox", LogFieldsOf(*pod)).Done("create netns");
  StepLog("RunPodSandbox", {{"pod_id", "other"}}).Done("other step");
  const std::string trace = Answer("default/web/trace").body;
  EXPECT_THAT(trace, AllOf(HasSubstr(R"("step":"create netns")"), Not(HasSubstr("other step"))));
  EXPECT_THAT(Page("/trace"), AllOf(HasSubstr("create netns"), HasSubstr("other step")));
  EXPECT_EQ(Facts("abc123")["events"][0]["step"], "create netns");
  EXPECT_EQ(log_.Text(), "");
}

TEST_F(DebugPagesTest, TheTraceOfAPodThatIsGoneRemains) {
  const PodPtr pod = AddWeb();
  StepLog("RemovePodSandbox", LogFieldsOf(*pod)).Done("unmount");
  made_.table()->Remove("abc123");
  for (const char* name : {"abc123/trace", "abc/trace", "default/web/trace"}) {
    EXPECT_THAT(Answer(name).body, HasSubstr("unmount")) << name;
  }
  EXPECT_EQ(Answer("xyz/trace").code, 404);
  EXPECT_EQ(Answer("/trace").code, 404);
}

TEST_F(DebugPagesTest, AThreadIsNamedWithItsOperation) {
  const StepLog log("PullImage", {});
  json mine;
  for (const json& thread : json::parse(Page("/threads"))) {
    if (thread["id"] == gettid()) mine = thread;
  }
  EXPECT_EQ(mine["name"], "monitor_test");
  EXPECT_EQ(mine["state"], "R");
  EXPECT_THAT(mine["operations"], SizeIs(1));
  EXPECT_EQ(mine["operations"][0]["operation"], "PullImage");
}

}  // namespace
}  // namespace crisp
