// Containers with a terminal and with stdin, as far as it shows without the streaming server.
#include "e2e/cri_log.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class StdioTest : public NodeTest {
 protected:
  std::string LogOf(const PodRef& pod, const std::string& name) { return ReadFile(pod.LogPath(name)); }
};

TEST_F(StdioTest, ATerminalIsOneAndItsOutputIsLoggedAsStdout) {
  const PodRef pod = RunPod("tty");
  cri::ContainerConfig config =
      ContainerOf("tty", "test -t 0 && test -t 1 && test -t 2 && echo $TERM; echo problem >&2; exit 4");
  config.set_tty(true);
  EXPECT_EQ(RunToEnd(pod, config).exit_code(), 4);
  const std::string log = LogOf(pod, "tty");
  EXPECT_THAT(log, HasSubstr(" stdout F xterm\r\n"));
  EXPECT_THAT(log, HasSubstr(" stdout F problem\r\n"));
}

TEST_F(StdioTest, StdinThatNobodyIsAttachedToIsWaitedFor) {
  const PodRef pod = RunPod("stdin");
  cri::ContainerConfig config = ContainerOf("stdin", "cat; echo end");
  config.set_stdin(true);
  config.set_stdin_once(true);
  const std::string id = Start(pod, config);
  EXPECT_EQ(Sh(id, "readlink /proc/1/fd/0").substr(0, 5), "pipe:");
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
}

TEST_F(StdioTest, WithoutStdinItIsEmpty) {
  const PodRef pod = RunPod("none");
  EXPECT_EQ(RunToEnd(pod, ContainerOf("none", "cat; echo end; exit 2")).exit_code(), 2);
  EXPECT_EQ(Written(ParseLog(LogOf(pod, "none")), "stdout"), "end\n");
}

TEST_F(StdioTest, ATerminalAndStdinSurviveTheDaemon) {
  const PodRef pod = RunPod("survives");
  cri::ContainerConfig config = ContainerOf("tty", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.05; done");
  config.set_tty(true);
  config.set_stdin(true);
  const std::string id = Start(pod, config);
  const pid_t pid = PidOf(id);
  node().Restart();
  const size_t before = ParseLog(LogOf(pod, "tty")).size();
  WaitFor("more output", std::chrono::seconds(10), [&] { return ParseLog(LogOf(pod, "tty")).size() > before + 3; });
  EXPECT_EQ(PidOf(id), pid);
  const std::vector<LogLine> lines = ParseLog(LogOf(pod, "tty"));
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i].text, "line " + std::to_string(i) + "\r");
}

TEST_F(StdioTest, AnUnknownProgramOnATerminalIsAStartError) {
  const PodRef pod = RunPod("missing");
  cri::ContainerConfig config = ContainerRunning("missing", {"/nosuch"});
  config.set_tty(true);
  const std::string id = Create(pod, config);
  const auto started = cri().StartContainer(id);
  EXPECT_FALSE(started.ok());
  EXPECT_THAT(started.text(), HasSubstr("/nosuch"));
  EXPECT_EQ(StatusOf(id).reason(), "StartError");
}

}  // namespace
}  // namespace crisp::e2e
