// How long the lists take with 40 pods of one container each, and the processor time that the daemon takes for one.
// Printed, not judged; part of e2e_figures (figures.cc): e2e_figures --gtest_filter='ListFigures.*'
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
  void Measure(const char* name, const std::function<void()>& call) {
    call();
    std::vector<double> millis;
    const double cpu_before = CpuSeconds(node().pid());
    for (int i = 0; i < kCalls; ++i) {
      const auto start = std::chrono::steady_clock::now();
      call();
      millis.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    const double cpu_millis = (CpuSeconds(node().pid()) - cpu_before) * 1000;
    std::sort(millis.begin(), millis.end());
    std::printf("%-24s median %7.3f ms   p90 %7.3f ms   daemon CPU %7.3f ms\n", name, millis[kCalls / 2],
                millis[kCalls * 9 / 10], cpu_millis / kCalls);
  }
  template <typename Stub, typename Request, typename Response>
  void Measure(const char* name, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
    Measure(name, [&] { Must(cri().Call(method, Request())); });
  }
};

TEST_F(ListFigures, FortyPods) {
  for (int i = 0; i < kPods; ++i) {
    Start(RunPod(PodConfigWithCgroup("p" + std::to_string(i))), ContainerOf("c", "sleep 1000"));
  }
  Measure("ListPodSandbox", &Runtime::ListPodSandbox);
  Measure("ListContainers", &Runtime::ListContainers);
  Measure("ListContainerStats", &Runtime::ListContainerStats);
  Measure("ListPodSandboxStats", &Runtime::ListPodSandboxStats);
  Measure("ListPodSandboxMetrics", &Runtime::ListPodSandboxMetrics);
}

}  // namespace
}  // namespace crisp::e2e
