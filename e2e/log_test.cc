// Logs are byte for byte what the container wrote.
#include <filesystem>

#include "e2e/cri_log.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

// max_container_log_line_size of the default configuration.
constexpr size_t kLineLimit = 16384;

class LogTest : public NodeTest {
 protected:
  std::vector<LogLine> LogOf(const PodRef& pod, const std::string& script) {
    RunToEnd(pod, ContainerOf("log", script));
    return ParseLog(ReadFile(pod.LogPath("log")));
  }

  static std::string Numbered(int count, const std::string& prefix) {
    std::string text;
    for (int i = 0; i < count; ++i) text += prefix + std::to_string(i) + "\n";
    return text;
  }
};

TEST_F(LogTest, KeepsEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  bytes += std::string("\n\n\0\n  two  \r\n\xff\xfe\n", 16);
  WriteFile(node().paths().directory() + "/bytes", bytes);
  const PodRef pod = RunPod("bytes");
  cri::ContainerConfig config = ContainerRunning("log", {"cat", "/bytes"});
  AddMount(config, node().paths().directory() + "/bytes", "/bytes");
  RunToEnd(pod, config);
  const std::vector<LogLine> lines = ParseLog(ReadFile(pod.LogPath("log")));
  EXPECT_EQ(Written(lines, "stdout"), bytes);
  EXPECT_EQ(Written(lines, "stderr"), "");
}

TEST_F(LogTest, ALastLineWithoutANewlineStaysWithout) {
  const PodRef pod = RunPod("no-newline");
  const std::vector<LogLine> lines = LogOf(pod, "printf 'whole\\nhalf'; printf 'error' >&2");
  EXPECT_EQ(Written(lines, "stdout"), "whole\nhalf");
  EXPECT_EQ(Written(lines, "stderr"), "error");
}

TEST_F(LogTest, LongLinesAreCutAtTheLimitAndJoinAgain) {
  const PodRef pod = RunPod("long");
  // The last has exactly the limit: it is one line, and not partial.
  const std::vector<LogLine> lines =
      LogOf(pod, "head -c 50000 /dev/zero | tr '\\0' x; echo; echo short; head -c 16384 /dev/zero | tr '\\0' y; echo");
  EXPECT_EQ(Written(lines, "stdout"), std::string(50000, 'x') + "\nshort\n" + std::string(kLineLimit, 'y') + "\n");
  ASSERT_THAT(lines, SizeIs(6));
  for (const LogLine& line : lines) EXPECT_LE(line.text.size(), kLineLimit);
  EXPECT_TRUE(lines[0].partial && lines[1].partial && lines[2].partial);
  EXPECT_FALSE(lines[3].partial || lines[4].partial || lines[5].partial);
}

TEST_F(LogTest, StdoutAndStderrAreKeptApartAndEachInOrder) {
  const PodRef pod = RunPod("interleaved");
  const std::vector<LogLine> lines =
      LogOf(pod, "i=0; while [ $i -lt 3000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done");
  EXPECT_EQ(Written(lines, "stdout"), Numbered(3000, "out "));
  EXPECT_EQ(Written(lines, "stderr"), Numbered(3000, "err "));
}

TEST_F(LogTest, TimesNeverGoBack) {
  const PodRef pod = RunPod("times");
  const std::vector<LogLine> lines = LogOf(pod, "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.02; done");
  ASSERT_THAT(lines, SizeIs(10));
  EXPECT_THAT(lines, Each(::testing::Field(&LogLine::time, SizeIs(lines[0].time.size()))))
      << "they do not sort as text";
  for (size_t i = 1; i < lines.size(); ++i) EXPECT_LT(lines[i - 1].time, lines[i].time);
}

TEST_F(LogTest, RotationUnderLoadLosesNoLineAndDoublesNone) {
  const PodRef pod = RunPod("rotate");
  constexpr int kCount = 60000;
  const std::string id = Start(pod, ContainerOf("log", "i=0; while [ $i -lt " + std::to_string(kCount) +
                                                           " ]; do echo line $i; i=$((i+1)); done"));
  const std::string path = pod.LogPath("log");
  std::vector<std::string> rotated;
  while (StatusOf(id).state() == cri::CONTAINER_RUNNING && rotated.size() < 20) {
    rotated.push_back(path + "." + std::to_string(rotated.size()));
    std::filesystem::rename(path, rotated.back());
    const auto answer = cri().ReopenLog(id);
    if (!answer.ok()) break;  // it has just exited
    ASSERT_TRUE(FileExists(path));
    Eventually([&] { return !ReadFile(path).empty() || StatusOf(id).state() != cri::CONTAINER_RUNNING; });
  }
  EXPECT_GE(rotated.size(), 5u) << "the container ended too early for the test to mean anything";
  EXPECT_EQ(WaitForExit(id).exit_code(), 0);
  std::string written;
  for (const std::string& file : rotated) written += Written(ParseLog(ReadFile(file)), "stdout");
  written += Written(ParseLog(ReadFile(path)), "stdout");
  EXPECT_EQ(written, Numbered(kCount, "line "));
}

TEST_F(LogTest, ReopenOfAnExitedContainerIsRefused) {
  const PodRef pod = RunPod("exited");
  const std::string id = Start(pod, ContainerOf("log", "true"));
  WaitForExit(id);
  EXPECT_FALSE(cri().ReopenLog(id).ok());
}

TEST_F(LogTest, WithoutALogPathOutputIsDroppedAndBlocksNobody) {
  const PodRef pod = RunPod("none");
  cri::ContainerConfig config = ContainerOf("none", "head -c 1000000 /dev/zero; exit 5");
  config.clear_log_path();
  EXPECT_EQ(RunToEnd(pod, config).exit_code(), 5);
  EXPECT_TRUE(std::filesystem::is_empty(pod.config.log_directory()));
}

TEST_F(LogTest, IsWholeWhenTheExitIsSeen) {
  const PodRef pod = RunPod("flood");
  const std::vector<LogLine> lines = LogOf(pod, "head -c 5000000 /dev/zero | tr '\\0' 'z'; echo; echo end");
  EXPECT_EQ(Written(lines, "stdout"), std::string(5000000, 'z') + "\nend\n");
}

TEST_F(LogTest, AChildThatHoldsThePipeDoesNotHoldTheExit) {
  cri::PodSandboxConfig pod_config = PodConfig("holder");
  Namespaces(pod_config).set_pid(cri::POD);
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config = ContainerOf("holder", "setsid sleep 23456 & echo started; exit 4");
  Namespaces(config).set_pid(cri::POD);
  EXPECT_EQ(RunToEnd(pod, config).exit_code(), 4);
  EXPECT_EQ(Written(ParseLog(ReadFile(pod.LogPath("holder"))), "stdout"), "started\n");
}

}  // namespace
}  // namespace crisp::e2e
