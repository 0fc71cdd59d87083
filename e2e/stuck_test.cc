// An operation that takes long says what it waits for.
#include <signal.h>

#include <future>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class StuckTest : public NodeTest {
 protected:
  void Begin() override { node().WriteCniConfig(kBridge); }

  // As `crictl info` shows them.
  std::string OperationsOf() {
    cri::StatusRequest request;
    request.set_verbose(true);
    return Must(cri().Call(&Runtime::Status, request)).info().at("operations");
  }
};

TEST_F(StuckTest, APodWhosePluginHangsIsNamedWithTheProcess) {
  EXPECT_EQ(OperationsOf(), "[]");
  node().wrappers().Stall("ADD");
  auto run = std::async(std::launch::async, [this] { return cri().RunPod(PodConfig("stuck")); });
  const pid_t plugin = node().wrappers().WaitForStalled("ADD");
  EXPECT_THAT(OperationsOf(),
              AllOf(HasSubstr("\"operation\":\"RunPodSandbox\""), HasSubstr("\"pod\":\"stuck\""),
                    HasSubstr("\"command\":\"e2e-bridge\""), HasSubstr("\"pid\":" + std::to_string(plugin))));
  kill(node().pid(), SIGUSR1);
  WaitFor("the line of the operation", std::chrono::seconds(5), [&] {
    for (const LogRecord& line : node().LogRecords()) {
      const auto waits_for = line.fields.find("waits_for");
      if (line.message != "operation in flight" || waits_for == line.fields.end()) continue;
      return waits_for->second.find(std::to_string(plugin) + " e2e-bridge") != std::string::npos;
    }
    return false;
  });
  node().wrappers().ReleaseAll();
  Must(run.get());
  EXPECT_EQ(OperationsOf(), "[]");
}

}  // namespace
}  // namespace crisp::e2e
