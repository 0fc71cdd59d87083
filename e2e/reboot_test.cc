// The machine reboots.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "e2e/fault_fixture.h"

namespace crisp::e2e {
namespace {

// The mount points below `directory`, the newest first.
std::vector<std::string> MountsBelow(const std::string& directory) {
  std::vector<std::string> found;
  for (const std::string& line : Lines(ReadFile("/proc/self/mountinfo"))) {
    std::istringstream fields(line);
    std::string target;
    for (int i = 0; i < 5; ++i) fields >> target;
    if (target.rfind(directory + "/", 0) == 0) found.insert(found.begin(), target);
  }
  return found;
}

class RebootTest : public FaultTest {
 protected:
  void Begin() override { WriteFile(Rules(), e2e::Run("/usr/sbin/iptables-save", {})); }

  // Takes what a reboot takes, in its order, and leaves what is on disk. Then starts the daemon, which sees another
  // boot.
  void Reboot(const std::vector<PodRef>& pods, const std::vector<std::string>& containers) {
    KillAll(pods, containers);
    for (const std::string& place : {node().paths().state(), node().paths().root(), kPinned}) {
      for (const std::string& target : MountsBelow(place)) e2e::Run("/bin/umount", {"--lazy", target});
    }
    for (const std::string& place : {node().paths().state(), kPinned}) std::filesystem::remove_all(place);
    RemoveCgroups(node().cgroup_parent());
    for (const char* all : {"--flush", "--delete-chain"}) e2e::Run("/usr/sbin/iptables", {"-t", "nat", all});
    e2e::Run("/usr/sbin/iptables-restore", {Rules()});
    StartInAnotherBoot();
  }

 private:
  // The firewall's rules before the test.
  std::string Rules() { return node().paths().directory() + "/rules"; }

  // The daemon, the pods' shims and pause containers, and these containers, none of which can say a word.
  void KillAll(const std::vector<PodRef>& pods, const std::vector<std::string>& containers) {
    std::vector<pid_t> processes;
    for (const PodRef& pod : pods) processes.insert(processes.end(), {ShimOf(pod), PidOf(pod.id)});
    for (const std::string& container : containers) processes.push_back(PidOf(container));
    node().Kill();
    for (const pid_t pid : processes) kill(pid, SIGKILL);
    WaitFor("every process to be gone", std::chrono::seconds(10),
            [&] { return std::none_of(processes.begin(), processes.end(), Exists); });
  }

  void StartInAnotherBoot() {
    const std::string boot_id = node().paths().directory() + "/boot_id";
    WriteFile(boot_id, "11111111-2222-3333-4444-555555555555\n");
    e2e::Run("/bin/mount", {"--bind", boot_id, kBootId});
    node().Start();
    e2e::Run("/bin/umount", {kBootId});
  }

  const std::string kPinned = "/run/netns";
  const std::string kBootId = "/proc/sys/kernel/random/boot_id";
};

TEST_F(RebootTest, EndsEveryContainerOnceAndThePodsCanBeClearedAway) {
  const PodRef pod = RunPod("rebooted");
  const PodRef stopped = RunPod("stopped");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  const std::string ended = Start(pod, ContainerOf("ended", "exit 3"));
  const std::string created = Create(pod, ContainerOf("created", "exit 4"));
  const std::string ended_before = WaitForExit(ended).DebugString();
  Must(cri().StopPod(stopped.id));
  Reboot({pod}, {running});

  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  EXPECT_EQ(PodStatus(stopped.id).state(), cri::SANDBOX_NOTREADY);
  const cri::ContainerStatus lost = StatusOf(running);
  EXPECT_EQ(lost.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(lost.exit_code(), 255);
  EXPECT_EQ(lost.reason(), "Unknown");
  EXPECT_GT(lost.finished_at(), lost.started_at());
  EXPECT_EQ(StatusOf(ended).DebugString(), ended_before);
  EXPECT_FALSE(cri().StartContainer(created).ok());

  node().Restart();
  EXPECT_EQ(StatusOf(running).DebugString(), lost.DebugString()) << "an exit is told once and stays";
  for (const PodRef& one : {pod, stopped}) {
    Must(cri().StopPod(one.id));
    Must(cri().StopPod(one.id));
    Must(cri().RemovePod(one.id));
  }
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("after");
}

}  // namespace
}  // namespace crisp::e2e
