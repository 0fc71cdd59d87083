// How long the lists take with 40 pods of one container each, and the processor time that the daemon takes for one.
// Printed, not judged; part of e2e_figures (figures.cc): e2e_figures --gtest_filter='ListFigures.*'
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr int kPods = 40;
constexpr int kCalls = 200;

class ListFigures : public NodeTest {
 protected:
  // User and system time of the daemon, in clock ticks (proc_pid_stat(5), fields 14 and 15).
  int64_t DaemonTicks() {
    const std::string stat = ReadFile("/proc/" + std::to_string(node().pid()) + "/stat");
    long long user = 0;
    long long system = 0;
    std::sscanf(stat.c_str() + stat.rfind(')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user,
                &system);
    return user + system;
  }

  void Measure(const char* name, const std::function<void()>& call) {
    call();
    std::vector<double> millis;
    const int64_t ticks = DaemonTicks();
    for (int i = 0; i < kCalls; ++i) {
      const auto start = std::chrono::steady_clock::now();
      call();
      millis.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    const double cpu = static_cast<double>(DaemonTicks() - ticks) * 1000 / static_cast<double>(sysconf(_SC_CLK_TCK));
    std::sort(millis.begin(), millis.end());
    std::printf("%-24s median %7.3f ms   p90 %7.3f ms   daemon CPU %7.3f ms\n", name, millis[kCalls / 2],
                millis[kCalls * 9 / 10], cpu / kCalls);
  }
  template <typename Stub, typename Request, typename Response>
  void Measure(const char* name, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
    Measure(name, [&] { Must(cri().Call(method, Request())); });
  }
};

TEST_F(ListFigures, FortyPods) {
  for (int i = 0; i < kPods; ++i) {
    cri::PodSandboxConfig config = PodConfig("p" + std::to_string(i));
    config.mutable_linux()->set_cgroup_parent(node().cgroup_parent() + "/p" + std::to_string(i));
    Start(RunPod(config), ContainerOf("c", "sleep 1000"));
  }
  Measure("ListPodSandbox", &Runtime::ListPodSandbox);
  Measure("ListContainers", &Runtime::ListContainers);
  Measure("ListContainerStats", &Runtime::ListContainerStats);
  Measure("ListPodSandboxStats", &Runtime::ListPodSandboxStats);
  Measure("ListPodSandboxMetrics", &Runtime::ListPodSandboxMetrics);
  RemoveAllPods();
  for (int i = 0; i < kPods; ++i) RemoveCgroups(node().cgroup_parent() + "/p" + std::to_string(i));
}

}  // namespace
}  // namespace crisp::e2e
