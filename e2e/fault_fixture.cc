#include "e2e/fault_fixture.h"

#include <cctype>
#include <string>
#include <vector>

#include "e2e/cri_log.h"

namespace crisp::e2e {

std::string NameOf(const ::testing::TestParamInfo<Step>& step) {
  const auto& [command, moment] = step.param;
  std::string name = command;
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  std::erase(name, '-');
  return name + (moment == Moment::kBefore ? "Before" : "After");
}

int CountedLines(const std::string& log) {
  const std::vector<std::string> lines = Lines(Written(ParseLog(log), "stdout"));
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == "line " + std::to_string(i)) continue;
    ADD_FAILURE() << "line " << i << " of the log is \"" << lines[i] << "\"";
    break;
  }
  return static_cast<int>(lines.size());
}

int CountedLinesNow(const std::string& path) {
  std::string log = ReadFile(path);
  log.resize(log.rfind('\n') + 1);
  return CountedLines(log);
}

std::string FaultTest::Everything() {
  std::string text;
  for (const cri::PodSandbox& pod : Pods()) {
    text += PodStatus(pod.id()).DebugString();
    if (pod.state() == cri::SANDBOX_READY) text += Identity(PidOf(pod.id())) + "\n";
  }
  for (const cri::Container& container : Containers()) {
    text += container.DebugString() + StatusOf(container.id()).DebugString();
    if (container.state() == cri::CONTAINER_RUNNING) text += Identity(PidOf(container.id())) + "\n";
  }
  return text;
}

void FaultTest::ExpectPodsWork(const std::string& name) {
  const PodRef pod = RunPod(name);
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_FALSE(PodStatus(pod.id).network().ip().empty());
  EXPECT_EQ(RunToEnd(pod, ContainerOf("probe", "exit 11")).exit_code(), 11);
}

}  // namespace crisp::e2e
