// SIGHUP: crispd reads its configuration again, for what comes after it.
#include <signal.h>

#include <filesystem>
#include <future>

#include "absl/strings/str_replace.h"
#include "e2e/fault_fixture.h"

namespace crisp::e2e {
namespace {

constexpr char kRead[] = "read the configuration again";
constexpr char kRefused[] = "the configuration is not read again; the one before goes on to count";

class ReloadTest : public FaultTest {
 protected:
  void Begin() override { config_ = ReadFile(node().paths().config_file()); }

  // The node's own configuration, with these replacements and with `more` at its end.
  void Configure(const std::vector<std::pair<std::string, std::string>>& replacements, const std::string& more = "") {
    const std::string changed = absl::StrReplaceAll(config_, replacements);
    ASSERT_TRUE(replacements.empty() || changed != config_);
    WriteFile(node().paths().config_file(), changed + more);
  }
  size_t Logged(const std::string& message) {
    size_t count = 0;
    for (const LogRecord& record : node().LogRecords()) count += record.message == message ? 1 : 0;
    return count;
  }
  // Sends SIGHUP and waits for the outcome.
  void Reload(const std::string& outcome = kRead) {
    const size_t before = Logged(outcome);
    kill(node().pid(), SIGHUP);
    WaitFor("the log to say: " + outcome, std::chrono::seconds(20), [&] { return Logged(outcome) > before; });
  }
  std::vector<std::string> Handlers() {
    std::vector<std::string> names;
    const cri::StatusResponse status = Must(cri().Status());
    for (const cri::RuntimeHandler& handler : status.runtime_handlers()) names.push_back(handler.name());
    return names;
  }

  std::string config_;
};

TEST_F(ReloadTest, ARuntimeComesAndGoesBelowItsPods) {
  const std::string other = node().paths().directory() + "/other-runc";
  WriteScript(other, "#!/bin/sh\nexec " + node().paths().runc() + " \"$@\"\n");
  EXPECT_FALSE(cri().RunPod(PodConfig("early"), kCallTimeout, "other").ok());
  Configure({}, HandlerToml("other", other) + "SystemdCgroup = " + (WithSystemd() ? "true" : "false") + "\n");
  Reload();
  EXPECT_THAT(Handlers(), Contains("other"));
  const PodRef pod = RunPod(PodConfig("late"), "other");
  const std::string counter = Start(pod, ContainerOf("counter", kCounter));

  Configure({});
  Reload();
  EXPECT_THAT(Handlers(), Not(Contains("other")));
  EXPECT_THAT(cri().RunPod(PodConfig("refused"), kCallTimeout, "other").text(),
              HasSubstr("no pod can run on the runtime \"other\""));
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  EXPECT_EQ(RunToEnd(pod, ContainerOf("more", "exit 5")).exit_code(), 5);
  node().Restart();
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  Must(cri().StopPod(pod.id));
  EXPECT_EQ(StatusOf(counter).state(), cri::CONTAINER_EXITED);
  EXPECT_GT(CountedLines(ReadFile(pod.LogPath("counter"))), 10);
  Must(cri().RemovePod(pod.id));
}

TEST_F(ReloadTest, ThePullAfterItGoesToAnotherMirror) {
  const std::string image = "quay.io/e2e/absent:1";
  EXPECT_THAT(cri().Pull(image).text(), Not(HasSubstr("127.0.0.1:5001")));
  Configure({},
            "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"quay.io\"]\n"
            "endpoint = [\"http://127.0.0.1:5001\"]\n");
  Reload();
  EXPECT_THAT(cri().Pull(image).text(), HasSubstr("127.0.0.1:5001"));
}

TEST_F(ReloadTest, TheNetworkIsThatOfThePodsBirth) {
  const PodRef before = RunPod("before");
  const std::string other = node().paths().directory() + "/other-net";
  MakeDirectory(other);
  WriteFile(other + "/10-other.conflist", R"({"cniVersion": "1.0.0", "name": "other", "plugins": [
    {"type": "bridge", "bridge": "cni1", "isGateway": true, "ipMasq": true,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/24"}]]}}]})");
  Configure({{"conf_dir = \"" + node().paths().cni_conf_dir() + "\"", "conf_dir = \"" + other + "\""}});
  Reload();
  const PodRef after = RunPod("after");
  EXPECT_THAT(PodStatus(before.id).network().ip(), StartsWith("10.88."));
  EXPECT_THAT(PodStatus(after.id).network().ip(), StartsWith("10.99."));
  EXPECT_THAT(Must(cri().Status(true)).info().at("cniconfig"), HasSubstr(other));
  RemoveAllPods();
  e2e::Run("/sbin/ip", {"link", "delete", "cni1"});
  Configure({});
  Reload();
}

TEST_F(ReloadTest, ABadFileChangesNothingAndSaysWhere) {
  const std::string before = Must(cri().Status(true)).info().at("config");
  for (const std::string bad : {"[unfinished\n", "plugin_dir = '/plugins'\n"}) {
    WriteFile(node().paths().config_file(), bad + config_);
    Reload(kRefused);
    EXPECT_THAT(node().Log(), HasSubstr(node().paths().config_file() + ":1")) << bad;
  }
  // One that a room refuses, after others were prepared.
  Configure({{"sandbox_image = \"" + std::string(kPause) + "\"", "sandbox_image = \"other/pause:1\""},
             {"BinaryName = \"" + node().paths().runc() + "\"", "BinaryName = \"runc-that-is-missing\""}});
  Reload(kRefused);
  EXPECT_THAT(node().Log(), HasSubstr("runc-that-is-missing"));
  EXPECT_EQ(Must(cri().Status(true)).info().at("config"), before);
  ExpectPodsWork("still");
}

TEST_F(ReloadTest, WhatNeedsARestartIsNamed) {
  Configure({{"[grpc]\n", "[grpc]\nuid = 4711\n"}, {"level = \"debug\"", "level = \"info\""}});
  Reload();
  EXPECT_THAT(node().LogRecords(),
              Contains(IsLogRecord("a key has changed that crispd reads when it starts; restart it",
                                   {{"before", "0"}, {"now", "4711"}})));
  EXPECT_THAT(node().LogRecords(),
              Contains(IsLogRecord("a key has changed", {{"before", "\"debug\""}, {"now", "\"info\""}})));
  const std::string log = node().Log();
  Must(cri().Version());
  Must(cri().ListPods());
  EXPECT_EQ(node().Log(), log) << "calls that change nothing are logged at debug only";
}

TEST_F(ReloadTest, AStormOfThemDisturbsNobody) {
  std::atomic<bool> over = false;
  auto storm = std::async(std::launch::async, [&] {
    while (!over) {
      kill(node().pid(), SIGHUP);
      LetTimePass(std::chrono::milliseconds(5));
    }
  });
  for (int i = 0; i < 5; ++i) {
    const PodRef pod = RunPod("pod-" + std::to_string(i));
    EXPECT_EQ(RunToEnd(pod, ContainerOf("job", "exit 9")).exit_code(), 9);
  }
  over = true;
  storm.get();
  EXPECT_EQ(Logged(kRefused), 0u);
}

}  // namespace
}  // namespace crisp::e2e
