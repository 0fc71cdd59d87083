// Draws docs/dashboard.svg anew: a node with a few busy pods works for two minutes, a real Prometheus scrapes its
// crispd, and scripts/dashboard_picture.py draws panels of the dashboard. Part of e2e_figures; needs the release build,
// and the name of the file in CRISP_PICTURE:
//   CRISP_PICTURE=docs/dashboard.svg build/release/bin/e2e_figures --gtest_filter='DashboardPicture.*'
#include <cstdlib>
#include <iterator>

#include "e2e/fixture.h"
#include "e2e/prometheus.h"
#include "os/process.h"

namespace crisp::e2e {
namespace {

constexpr std::chrono::seconds kTime{120};
constexpr const char* kPanels[] = {"Calls/Calls",
                                   "Calls/Time of operations, 99 %",
                                   "Calls/Time of steps, mean",
                                   "Pods and containers/Pods",
                                   "Pods and containers/CPU",
                                   "Pods and containers/Memory",
                                   "Images and registries/Received and unpacked",
                                   "Database/Transactions",
                                   "Process/Memory"};

class DashboardPicture : public NodeTest {
 protected:
  void SetUp() override {
    if (std::getenv("CRISP_PICTURE") == nullptr) GTEST_SKIP() << "CRISP_PICTURE is not set";
    NodeTest::SetUp();
  }
  NodeOptions Options(const Machine& machine) override {
    directory_ = machine.directory + "/prometheus";
    NodeOptions options;
    options.extra_toml = "[metrics]\naddress = \"127.0.0.1:1338\"\ngrpc_histogram = true\n";
    return options;
  }

  // A pod that computes, and one that fills memory, as long as the picture is.
  void StartServices() {
    Start(RunPod(PodConfigWithCgroup("shop-frontend")), ContainerOf("web", "while :; do :; sleep 0.01; done"));
    Start(RunPod(PodConfigWithCgroup("shop-cart")),
          ContainerOf("cart", "x=x; while [ ${#x} -lt 4000000 ]; do x=$x$x; sleep 2; done; sleep 1000"));
  }

  // What a kubelet does: pods come and go, their images are pulled, probes run.
  void Work() {
    Must(cri().Pull(kBig));
    const PodRef pod = RunPod(PodConfigWithCgroup("batch"));
    const std::string container = Start(pod, ContainerOf("job", "sleep 1000"));
    for (int i = 0; i < 5; ++i) {
      Sh(container, "true");
      Pods();
      Containers();
    }
    Must(cri().StopPod(pod.id));
    Must(cri().RemovePod(pod.id));
    Must(cri().RemoveImage(kBig));
  }

  std::string directory_;
};

TEST_F(DashboardPicture, Draw) {
  const Prometheus prometheus(directory_);
  StartServices();
  const auto end = std::chrono::steady_clock::now() + kTime;
  while (std::chrono::steady_clock::now() < end) Work();
  std::vector<std::string> arguments = {CRISP_PICTURE_SCRIPT, "http://127.0.0.1:9090",
                                        CRISP_DEPLOY_PROMETHEUS "/crisp.dashboard.json",
                                        std::to_string(kTime.count() - 10), std::getenv("CRISP_PICTURE")};
  arguments.insert(arguments.end(), std::begin(kPanels), std::end(kPanels));
  Command command;
  command.path = "/usr/bin/python3";
  command.args = std::move(arguments);
  const auto drawn = RunCommand(command, CallContext::WithTimeout(kTime));
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_TRUE(drawn->ok()) << drawn->Describe();
}

}  // namespace
}  // namespace crisp::e2e
