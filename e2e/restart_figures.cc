// How long crispd takes from its start to a complete list, and from SIGTERM to its end, with no pods and with many.
// Printed, not judged; part of e2e_figures: --gtest_filter='RestartFigures.*'
#include <cstdio>

#include "e2e/figure_tools.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr int kPods = 500;
constexpr int kRuns = 5;

class RestartFigures : public NodeTest {
 protected:
  void Measure(size_t pods) {
    Times times;
    const std::string with = ", " + std::to_string(pods) + " pods";
    for (int i = 0; i < kRuns; ++i) {
      times.Add("SIGTERM until it has ended" + with, [&] { node().Terminate(); });
      times.Add("start until lists are right" + with, [&] {
        node().Start();
        EXPECT_THAT(Pods(), SizeIs(pods));
        cri::ContainerFilter running;
        running.mutable_state()->set_state(cri::CONTAINER_RUNNING);
        EXPECT_THAT(Containers(running), SizeIs(pods));
      });
    }
    times.Print();
    printf("crispd with %zu pods: PSS %ld KiB\n", pods, static_cast<long>(PssOf(node().pid())));
  }
};

TEST_F(RestartFigures, NoneAndFiveHundredPods) {
  Measure(0);
  for (int i = 0; i < kPods; ++i) {
    cri::PodSandboxConfig pod = PodConfig("pod-" + std::to_string(i));
    UseHostNetwork(pod);
    cri::ContainerConfig container = ContainerRunning("main", {"sleep", "1000"});
    UseHostNetwork(container);
    Start(RunPod(pod), container);
  }
  Measure(kPods);
}

}  // namespace
}  // namespace crisp::e2e
