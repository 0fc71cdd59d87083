// An idle daemon does not wake up.
#include <filesystem>
#include <map>

#include "e2e/fixture.h"
#include "e2e/http.h"

namespace crisp::e2e {
namespace {

// Voluntary context switches by thread, "tid name": how often each has waited for something. Without the threads of
// gRPC 1.51's timers, of which two look every second whether one is due.
std::map<std::string, int64_t> Waits(pid_t pid) {
  const std::string key = "\nvoluntary_ctxt_switches:";
  std::map<std::string, int64_t> waits;
  for (const auto& task : std::filesystem::directory_iterator(ProcPath(pid, "task"))) {
    const std::string name = ReadFile(task.path().string() + "/comm");
    if (name.rfind("grpc_global_tim", 0) == 0 || name.rfind("timer_manager", 0) == 0) continue;
    const std::string status = ReadFile(task.path().string() + "/status");
    const size_t at = status.find(key);
    if (at == std::string::npos) continue;  // it has ended
    waits[task.path().filename().string() + " " + name] = std::stoll(status.substr(at + key.size()));
  }
  return waits;
}

// Everything is on by which somebody could look into the daemon; no collector of traces listens.
class QuietTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.extra_toml =
        "[metrics]\naddress = '127.0.0.1:1338'\n"
        "[debug]\naddress = '/run/e2e/debug.sock'\n"
        "[plugins.'io.containerd.tracing.processor.v1.otlp']\nendpoint = 'http://127.0.0.1:4318'\n"
        "[plugins.'io.containerd.internal.v1.tracing']\nsampling_ratio = 1.0\n";
    return options;
  }
};

TEST_F(QuietTest, NothingWakesUpWhileNothingHappens) {
  Start(RunPod("quiet"), ContainerOf("quiet", "sleep 1000"));
  grpc::ClientContext context;
  const auto subscription = cri().runtime().GetContainerEvents(&context, cri::GetEventsRequest());
  subscription->WaitForInitialMetadata();
  Must(cri().Call(&Runtime::ListContainerStats, cri::ListContainerStatsRequest()));
  Must(cri().Call(&Runtime::ListPodSandboxStats, cri::ListPodSandboxStatsRequest()));
  EXPECT_THAT(Fetch("127.0.0.1", 1338, "/metrics"), HasSubstr("\ncrisp_pods{state=\"ready\"} 1\n"));
  // In the first interval threads of the calls may still be ending. A daemon that wakes up by a timer does so in each.
  std::string woken;
  EXPECT_TRUE(Eventually(
      [&] {
        auto before = Waits(node().pid());
        LetTimePass(std::chrono::seconds(5));  // in which nothing happens
        int64_t sum = 0;
        woken.clear();
        for (const auto& [thread, count] : Waits(node().pid())) {
          sum += count - before[thread];
          if (count != before[thread]) woken += thread + ": " + std::to_string(count - before[thread]) + "\n";
        }
        return sum <= 4;
      },
      std::chrono::seconds(16)))
      << woken;
}

}  // namespace
}  // namespace crisp::e2e
