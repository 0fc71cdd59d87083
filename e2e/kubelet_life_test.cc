// A node under a kubelet, and what happens to nodes meanwhile: every pod is probed, its logs are rotated and a
// container of it is restarted; pods come and go; crispd is killed every few seconds, reads its configuration again,
// and is upgraded with its shims. CRISP_E2E_PODS and CRISP_E2E_SECONDS make it longer than ctest has time for, on a
// node with systemd for example: e2e/systemd_node.sh env CRISP_E2E_SYSTEMD=1 CRISP_E2E_PODS=50 CRISP_E2E_SECONDS=300
// build/debug/e2e/e2e_test
// --gtest_filter='KubeletLifeTest.*'
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "base/clock.h"
#include "e2e/cri_log.h"
#include "e2e/fault_fixture.h"
#include "e2e/installed_shim.h"

namespace crisp::e2e {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kBetweenDeaths{2};

int FromEnvironment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoi(value);
}

// A kubelet's connection: what fails because nobody serves is asked again, all else must succeed. One thread's.
class Patient {
 public:
  explicit Patient(const std::string& socket) : cri_(socket) {}

  template <typename Call>
  auto Ask(const Call& call) {
    const MonoTime end = MonoClock::now() + kPatience;
    for (;;) {
      auto answer = call(cri_);
      if (answer.code() != grpc::StatusCode::UNAVAILABLE || MonoClock::now() > end) return Must(std::move(answer));
      ++asked_again_;
      LetTimePass(std::chrono::milliseconds(20));
    }
  }
  int asked_again() const { return asked_again_; }

 private:
  Cri cri_;
  int asked_again_ = 0;
};

class KubeletLifeTest : public FaultTest {
 protected:
  // A pod worker's pod: a container that counts, and one that is restarted again and again.
  struct Worked {
    PodRef pod;
    std::string counter, leaver;
    std::vector<std::string> logs;  // of the counter: the rotated ones, oldest first
    std::string processes;          // of the pod and of the counter
    int probes = 0, restarts = 0, asked_again = 0;
  };

  void Begin() override {
    shim_program_.emplace(node().paths());
    node().Restart();
    for (int i = 0; i < FromEnvironment("CRISP_E2E_PODS", 6); ++i) {
      Worked worked{RunPod(PodConfigWithCgroup("life-" + std::to_string(i))), "", "", {}, ""};
      worked.counter = Start(worked.pod, ContainerOf("counter", kCounter));
      worked.leaver = Start(worked.pod, Leaver(0));
      worked.processes = Processes(worked);
      worked_.push_back(std::move(worked));
    }
  }

  static cri::ContainerConfig Leaver(int attempt) {
    cri::ContainerConfig config = ContainerOf("leaver", kLeaver);
    config.mutable_metadata()->set_attempt(static_cast<uint32_t>(attempt));
    config.set_log_path("leaver." + std::to_string(attempt) + ".log");
    return config;
  }
  static std::string Processes(const Worked& worked) {
    return Identity(PidOf(worked.pod.id)) + " " + Identity(PidOf(worked.counter));
  }

  void Probe(Patient& kubelet, Worked& worked) {
    const auto answer = kubelet.Ask([&](Cri& cri) { return cri.Exec(worked.counter, {"hostname"}, 30); });
    ASSERT_EQ(answer.exit_code(), 0) << answer.stderr();
    ASSERT_EQ(answer.stdout(), worked.pod.config.hostname() + "\n");
    ++worked.probes;
  }

  void Rotate(Patient& kubelet, Worked& worked) {
    const std::string path = worked.pod.LogPath("counter");
    worked.logs.push_back(path + "." + std::to_string(worked.logs.size()));
    std::filesystem::rename(path, worked.logs.back());
    kubelet.Ask([&](Cri& cri) { return cri.ReopenLog(worked.counter); });
    ASSERT_TRUE(FileExists(path));
  }

  // The container exits, also while nobody serves; a new one takes its place.
  void RestartContainer(Patient& kubelet, Worked& worked) {
    LetGo(PidOf(worked.leaver));
    WaitFor("the exit of " + worked.leaver, kPatience, [&] {
      const auto status = kubelet.Ask([&](Cri& cri) { return cri.ContainerStatus(worked.leaver); }).status();
      if (status.state() != cri::CONTAINER_EXITED) return false;
      EXPECT_EQ(status.exit_code(), 23) << status.reason();
      return true;
    });
    const cri::ContainerConfig config = Leaver(++worked.restarts);
    const std::string next =
        kubelet.Ask([&](Cri& cri) { return cri.CreateContainer(worked.pod.id, worked.pod.config, config); })
            .container_id();
    kubelet.Ask([&](Cri& cri) { return cri.StartContainer(next); });
    kubelet.Ask([&](Cri& cri) { return cri.RemoveContainer(worked.leaver); });
    worked.leaver = next;
  }

  void Work(Worked& worked) {
    Patient kubelet(node().paths().socket());
    for (int turn = 0; !over_ && !HasFatalFailure(); ++turn) {
      Probe(kubelet, worked);
      if (turn % 4 == 1) Rotate(kubelet, worked);
      if (turn % 4 == 3) RestartContainer(kubelet, worked);
      LetTimePass(std::chrono::milliseconds(50));
    }
    worked.asked_again = kubelet.asked_again();
  }

  // A start whose answer was lost is asked for again, and the container may have ended meanwhile.
  static Answer<cri::StartContainerResponse> StartOnce(Cri& cri, const std::string& id) {
    auto answer = cri.StartContainer(id);
    const bool has_run = answer.code() == grpc::StatusCode::FAILED_PRECONDITION &&
                         answer.text().find("a container runs once") != std::string::npos;
    return has_run ? Answer<cri::StartContainerResponse>{} : answer;
  }

  // Pods that run to their end, one after the other. Returns how many.
  int Churn() {
    Patient kubelet(node().paths().socket());
    int pods = 0;
    for (; !over_; ++pods) {
      const cri::PodSandboxConfig config = PodConfig("job-" + std::to_string(pods));
      const std::string pod = kubelet.Ask([&](Cri& cri) { return cri.RunPod(config); }).pod_sandbox_id();
      const cri::ContainerConfig job = ContainerOf("job", "echo done; exit 7");
      const std::string id =
          kubelet.Ask([&](Cri& cri) { return cri.CreateContainer(pod, config, job); }).container_id();
      kubelet.Ask([&](Cri& cri) { return StartOnce(cri, id); });
      cri::ContainerStatus status;
      WaitFor("the job's exit", kPatience, [&] {
        status = kubelet.Ask([&](Cri& cri) { return cri.ContainerStatus(id); }).status();
        return status.state() == cri::CONTAINER_EXITED;
      });
      EXPECT_EQ(status.exit_code(), 7) << status.reason() << " " << status.message();
      EXPECT_EQ(LoggedOutput({pod, config}, "job"), "done\n");
      kubelet.Ask([&](Cri& cri) { return cri.StopPod(pod); });
      kubelet.Ask([&](Cri& cri) { return cri.RemovePod(pod); });
    }
    return pods;
  }

  // As the kubelet's PLEG: a container's state goes forward only.
  void WatchStates() {
    Patient kubelet(node().paths().socket());
    std::map<std::string, cri::ContainerState> states;
    while (!over_) {
      const auto list = kubelet.Ask([](Cri& cri) { return cri.ListContainers(); });
      for (const cri::Container& container : list.containers()) {
        const auto before = states.emplace(container.id(), container.state()).first;
        ASSERT_GE(container.state(), before->second) << container.ShortDebugString();
        before->second = container.state();
      }
      LetTimePass(std::chrono::milliseconds(300));
    }
  }

  // What happens to the node. Returns how often crispd was killed.
  int Live(std::chrono::seconds time) {
    const MonoTime begin = MonoClock::now();
    bool upgraded = false;
    int deaths = 0;
    while (MonoClock::now() < begin + time) {
      LetTimePass(kBetweenDeaths / 2);
      kill(node().pid(), SIGHUP);
      LetTimePass(kBetweenDeaths / 2);
      if (!upgraded && MonoClock::now() > begin + time / 2) {
        shim_program_->InstallNewer();
        upgraded = true;
      }
      EXPECT_TRUE(node().Running());
      node().Restart();
      ++deaths;
    }
    return deaths;
  }

  void ExpectAllIsThere(const Worked& worked) {
    EXPECT_EQ(PodStatus(worked.pod.id).state(), cri::SANDBOX_READY);
    EXPECT_EQ(StatusOf(worked.counter).state(), cri::CONTAINER_RUNNING);
    EXPECT_EQ(StatusOf(worked.leaver).state(), cri::CONTAINER_RUNNING);
    EXPECT_EQ(Processes(worked), worked.processes);
    WaitFor("the shim's upgrade", kPatience,
            [&] { return std::filesystem::equivalent(ProcPath(ShimOf(worked.pod), "exe"), shim_program_->path()); });
    Must(cri().StopContainer(worked.counter, 0));
    std::string log;
    for (const std::string& file : worked.logs) log += ReadFile(file);
    EXPECT_GT(CountedLines(log + ReadFile(worked.pod.LogPath("counter"))), 100);
    EXPECT_GT(worked.probes, 0);
  }

  std::optional<InstalledShim> shim_program_;
  std::vector<Worked> worked_;
  std::atomic<bool> over_ = false;
};

TEST_F(KubeletLifeTest, NothingIsLost) {
  std::vector<std::future<void>> workers;
  for (Worked& worked : worked_) workers.push_back(std::async(std::launch::async, [&] { Work(worked); }));
  workers.push_back(std::async(std::launch::async, [&] { WatchStates(); }));
  auto churn = std::async(std::launch::async, [&] { return Churn(); });
  int deaths = 0;
  {
    const absl::Cleanup end = [this] { over_ = true; };  // also after an exception, which waits for the threads
    deaths = Live(std::chrono::seconds(FromEnvironment("CRISP_E2E_SECONDS", 15)));
  }
  for (std::future<void>& worker : workers) worker.get();
  const int jobs = churn.get();
  int probes = 0, restarts = 0, rotations = 0, asked_again = 0;
  for (const Worked& worked : worked_) {
    ExpectAllIsThere(worked);
    probes += worked.probes;
    restarts += worked.restarts;
    rotations += static_cast<int>(worked.logs.size());
    asked_again += worked.asked_again;
  }
  EXPECT_GT(jobs, 0);
  EXPECT_GT(asked_again, 0) << "no call met a dead crispd";
  printf("%zu pods, crispd killed %d times: %d probes, %d containers restarted, %d logs rotated, %d pods of jobs\n",
         worked_.size(), deaths, probes, restarts, rotations, jobs);
}

}  // namespace
}  // namespace crisp::e2e
