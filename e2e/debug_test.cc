// What debug.address shows, and what a crash leaves.
#include <signal.h>

#include <future>
#include <nlohmann/json.hpp>

#include "e2e/fixture.h"
#include "e2e/http.h"
#include "os/file.h"
#include "os/netns.h"

namespace crisp::e2e {
namespace {

using nlohmann::json;

constexpr char kSocket[] = "/run/e2e/debug.sock";

class DebugTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.extra_toml = "[debug]\naddress = \"" + std::string(kSocket) + "\"\nlevel = \"info\"\n";
    return options;
  }
  static std::string Page(const std::string& path) { return FetchFromSocket(kSocket, path); }
  static json JsonPage(const std::string& path) { return json::parse(Page(path)); }
  // The only file of crispd's traces whose name begins so; empty if there is none.
  std::string TraceFile(const std::string& prefix) {
    const std::vector<std::string> names = ListDir(node().paths().state() + "/traces").value();
    for (const std::string& name : names) {
      if (name.rfind(prefix, 0) == 0) return ReadFile(node().paths().state() + "/traces/" + name);
    }
    return "";
  }
};

TEST_F(DebugTest, ThePluginsOfAPodsNetworkSayWhatItHasLost) {
  const PodRef pod = RunPod("checked");
  const std::string path = "/pods/" + pod.id + "/network";
  const json whole = JsonPage(path);
  ASSERT_EQ(whole.size(), 2u) << whole;
  EXPECT_EQ(whole[0]["plugin"], "bridge");
  EXPECT_EQ(whole[0]["ok"], true) << whole;
  EXPECT_EQ(whole[1]["plugin"], "portmap");
  EXPECT_EQ(whole[1]["ok"], true) << whole;
  ASSERT_TRUE(RunInNetns(ProcPath(PidOf(pod.id), "ns/net"), [] {
                e2e::Run("/bin/ip", {"route", "del", "default"});
                return absl::OkStatus();
              }).ok());
  const json broken = JsonPage(path);
  EXPECT_EQ(broken[0]["ok"], false);
  EXPECT_THAT(broken[0]["error"].get<std::string>(), AllOf(HasSubstr("CHECK: "), HasSubstr("Route")));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
}

TEST_F(DebugTest, APodWhosePluginHangsIsShownWithTheProcessAndItsSteps) {
  node().WriteCniConfig(kBridge);
  node().wrappers().Stall("ADD");
  auto run = std::async(std::launch::async, [this] { return cri().RunPod(PodConfig("stuck")); });
  const pid_t plugin = node().wrappers().WaitForStalled("ADD");

  const json operations = JsonPage("/ops");
  ASSERT_EQ(operations.size(), 1u);
  EXPECT_EQ(operations[0]["operation"], "RunPodSandbox");
  EXPECT_EQ(operations[0]["object"]["pod"], "stuck");
  json waits_for;  // the plugin; the shim starts beside it
  for (const json& process : operations[0]["waits_for"]) {
    if (process["pid"] == plugin) waits_for = process;
  }
  EXPECT_EQ(waits_for["command"], "e2e-bridge") << operations;
  EXPECT_NE(waits_for["waits_in"], "") << operations;

  const json pods = JsonPage("/pods");
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0]["state"], "creating") << "no client sees it";
  const std::string name = pods[0]["namespace"].get<std::string>() + "/stuck";
  json facts;
  WaitFor("the pause container", std::chrono::seconds(10), [&] {
    facts = JsonPage("/pods/" + name);
    return facts["rootfs"]["mounted"] == true && facts["shim"]["connected"] == true;
  });
  EXPECT_EQ(facts["id"], pods[0]["id"]);
  EXPECT_THAT(facts["network"]["namespace"].get<std::string>(), StartsWith("net:["));
  EXPECT_THAT(facts["shim"]["program"].get<std::string>(), EndsWith("crisp-shim"));
  EXPECT_EQ(facts["operations"][0]["id"], operations[0]["id"]);

  const std::string trace = Page("/pods/" + pods[0]["id"].get<std::string>() + "/trace");
  EXPECT_THAT(trace, HasSubstr(R"("step":"create network namespace")"));
  EXPECT_THAT(node().Log(), Not(HasSubstr("create network namespace"))) << "the level is info";
  EXPECT_THAT(Page("/threads"), HasSubstr("RunPodSandbox"));
  node().wrappers().ReleaseAll();
  Must(run.get());
  EXPECT_EQ(JsonPage("/ops").size(), 0u);
}

TEST_F(DebugTest, ARunningContainerHasItsLayersLimitsAndLog) {
  const PodRef pod = RunPod("pod");
  cri::ContainerConfig config = ContainerOf("app", "sleep 1000");
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  AddEnv(config, "PASSWORD", "hunter2");
  const std::string id = Start(pod, config);
  const std::string page = Page("/pods/" + pod.id.substr(0, 12));
  EXPECT_THAT(page, Not(HasSubstr("hunter2")));
  const json container = json::parse(page)["containers"][0];
  EXPECT_EQ(container["id"], id);
  EXPECT_EQ(container["state"], "running");
  EXPECT_EQ(container["rootfs"]["mounted"], true);
  EXPECT_GE(container["rootfs"]["layers"].size(), 1u);
  EXPECT_THAT(container["rootfs"]["upper"].get<std::string>(), EndsWith("/containers/" + id + "/upper"));
  EXPECT_EQ(container["log"]["path"], pod.LogPath("app"));
  EXPECT_THAT(container["cgroups"].dump(), HasSubstr("\"67108864\"")) << "its memory limit";
  EXPECT_EQ(container["exit_record"], nullptr);
}

TEST_F(DebugTest, ACrashLeavesItsStackAndPodsGoOn) {
  const PodRef pod = RunPod("pod");
  kill(node().pid(), SIGSEGV);
  WaitFor("the end of crispd", std::chrono::seconds(10), [&] { return !node().Running(); });
  const std::string crash = TraceFile("crash-");
  EXPECT_THAT(crash, AllOf(HasSubstr("has crashed: SIGSEGV"), HasSubstr("build id "), HasSubstr("\n#0 0x"),
                           HasSubstr(R"("msg":"step","operation":"RunPodSandbox")")));
  EXPECT_THAT(node().Log(), AllOf(HasSubstr("has crashed: SIGSEGV"), HasSubstr("/traces/crash-")));
  node().Start();
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
}

TEST_F(DebugTest, WhatAKilledDaemonHadRecordedIsKept) {
  const PodRef pod = RunPod("pod");
  node().Restart();
  EXPECT_THAT(TraceFile("end-"), HasSubstr("\"pod_id\":\"" + pod.id + "\""));
  EXPECT_THAT(node().Log(), HasSubstr("/traces/end-"));
}

}  // namespace
}  // namespace crisp::e2e
