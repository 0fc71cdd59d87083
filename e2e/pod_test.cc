// The life of pods.
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class PodTest : public NodeTest {};

TEST_F(PodTest, RunsOnTheBridgeWithAnAddressOfItsOwn) {
  const PodRef pod = RunPod("web");
  const cri::PodSandboxStatus status = PodStatus(pod.id);
  EXPECT_EQ(status.state(), cri::SANDBOX_READY);
  EXPECT_THAT(status.network().ip(), ::testing::StartsWith("10.88.0."));
}

}  // namespace
}  // namespace crisp::e2e
