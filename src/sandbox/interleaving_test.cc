// Two operations on one pod at once. The first is held at each of its steps while the second begins and goes as far as
// the gates let it. The outcome, which is the results of both and the states of the pod and its containers, must be
// that of one operation after the other, in one of the two orders; or the second is refused and has changed nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/log.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

constexpr int kMostSteps = 60;
// An operation that has not returned by then waits for the one that is held. If it was only slow, this run tests an
// order that another run tests as well.
constexpr std::chrono::milliseconds kBegun{5};

struct Ids {
  std::string pod;
  std::string created;  // a container that has not been started
  std::string running;
};

struct Operation {
  const char* name;
  std::function<absl::Status(FakeNode&, const Ids&)> run;
};

void PrintTo(const Operation& operation, std::ostream* out) {
  *out << operation.name;
}

absl::Status UpdateMemory(FakeNode& node, const std::string& container_id) {
  cri::UpdateContainerResourcesRequest request;
  request.set_container_id(container_id);
  request.mutable_linux()->set_memory_limit_in_bytes(64 << 20);
  return node.pods().UpdateContainer(request, InTime());
}

const std::vector<Operation>& Operations() {
  static const auto* const operations = new std::vector<Operation>{
      {"RunPodSandbox", [](FakeNode& node, const Ids&) { return node.RunPod().status(); }},
      {"CreateContainer", [](FakeNode& node, const Ids& ids) { return node.CreateContainer(ids.pod, "new").status(); }},
      {"StartContainer",
       [](FakeNode& node, const Ids& ids) { return node.pods().StartContainer(ids.created, InTime()); }},
      {"UpdateContainerResources", [](FakeNode& node, const Ids& ids) { return UpdateMemory(node, ids.created); }},
      {"StopContainer",
       [](FakeNode& node, const Ids& ids) { return node.pods().StopContainer(ids.running, 0, InTime()); }},
      {"RemoveContainer",
       [](FakeNode& node, const Ids& ids) { return node.pods().RemoveContainer(ids.running, InTime()); }},
      {"RemoveContainerThatIsCreated",
       [](FakeNode& node, const Ids& ids) { return node.pods().RemoveContainer(ids.created, InTime()); }},
      {"StopPodSandbox", [](FakeNode& node, const Ids& ids) { return node.pods().StopPod(ids.pod, InTime()); }},
      {"RemovePodSandbox", [](FakeNode& node, const Ids& ids) { return node.pods().RemovePod(ids.pod, InTime()); }},
  };
  return *operations;
}

std::string Outcome(FakeNode& node, const absl::Status& first, const absl::Status& second) {
  std::string outcome =
      absl::StrCat(absl::StatusCodeToString(first.code()), ", ", absl::StatusCodeToString(second.code()));
  for (const PodPtr& pod : node.table().All()) {
    absl::StrAppend(&outcome, "; pod in state ", static_cast<int>(pod->state()));
    std::map<std::string, ContainerView> views;
    for (const ContainerPtr& container : pod->containers.All()) {
      views[container->record().config().metadata().name()] = container->view();
    }
    for (const auto& [name, view] : views) {
      absl::StrAppend(&outcome, ", ", name, " ", cri::ContainerState_Name(view.state), " ", view.exit_code);
    }
  }
  return outcome;
}

class InterleavingTest : public testing::TestWithParam<Operation> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    SetLogOptions({.level = LogLevel::kError});
  }

  static void Prepare(FakeNode& node, Ids* ids) {
    ASSERT_EQ(node.StartDaemon(), absl::OkStatus());
    const auto pod = node.RunPod();
    ASSERT_EQ(pod.status(), absl::OkStatus());
    const auto created = node.CreateContainer(*pod, "created");
    ASSERT_EQ(created.status(), absl::OkStatus());
    const auto running = node.CreateContainer(*pod, "running");
    ASSERT_EQ(running.status(), absl::OkStatus());
    ASSERT_EQ(node.pods().StartContainer(*running, InTime()), absl::OkStatus());
    *ids = {*pod, *created, *running};
  }

  static void ExpectConsistent(FakeNode& node) {
    EXPECT_EQ(node.Contradictions(), "");
    EXPECT_EQ(node.RemoveAllPods(), absl::OkStatus());
    EXPECT_EQ(node.Leftovers(), "");
  }

  // One after the other; `second` before `first` if `reverse`.
  static std::string OneAfterTheOther(const Operation& first, const Operation& second, bool reverse) {
    FakeNode node;
    Ids ids;
    Prepare(node, &ids);
    absl::Status two = reverse ? second.run(node, ids) : absl::OkStatus();
    const absl::Status one = first.run(node, ids);
    if (!reverse) two = second.run(node, ids);
    return Outcome(node, one, two);
  }

  // `first` alone, and `second` refused with the code that `outcome` has.
  static std::string Refused(const Operation& first, const std::string& outcome) {
    FakeNode node;
    Ids ids;
    Prepare(node, &ids);
    const absl::Status one = first.run(node, ids);
    for (const auto code : {absl::StatusCode::kAlreadyExists, absl::StatusCode::kFailedPrecondition}) {
      const std::string refused = Outcome(node, one, absl::Status(code, ""));
      if (refused == outcome) return refused;
    }
    return "";
  }

  // Runs `second` while `first` is held at its step of that number. False if it has fewer steps.
  static bool Overlap(const Operation& first, const Operation& second, int step, std::string* outcome) {
    FakeNode node;
    Ids ids;
    Prepare(node, &ids);
    if (HasFatalFailure()) return false;
    node.steps().Plan(Steps::Fault::kHold, step);
    std::future<absl::Status> one = std::async(std::launch::async, [&] {
      const absl::Status status = first.run(node, ids);
      node.steps().EndWait();
      return status;
    });
    if (!node.steps().WaitHeld()) {
      EXPECT_EQ(one.get(), absl::OkStatus());
      return false;
    }
    std::future<absl::Status> two = std::async(std::launch::async, [&] { return second.run(node, ids); });
    two.wait_for(kBegun);
    node.steps().Heal();
    const absl::Status first_status = one.get();
    *outcome = Outcome(node, first_status, two.get());
    ExpectConsistent(node);
    return true;
  }
};

TEST_P(InterleavingTest, TheOutcomeIsThatOfOneOrder) {
  const Operation& first = GetParam();
  for (const Operation& second : Operations()) {
    const std::string in_order = OneAfterTheOther(first, second, /*reverse=*/false);
    const std::string in_reverse = OneAfterTheOther(first, second, /*reverse=*/true);
    std::string outcome;
    for (int step = 1; step <= kMostSteps && Overlap(first, second, step, &outcome); ++step) {
      EXPECT_TRUE(outcome == in_order || outcome == in_reverse || outcome == Refused(first, outcome))
          << second.name << " begins at step " << step << " of " << first.name << "\n  " << outcome
          << "\nbut in order\n  " << in_order << "\nin reverse\n  " << in_reverse;
    }
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Each, InterleavingTest, testing::ValuesIn(Operations()),
                         [](const testing::TestParamInfo<Operation>& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace crisp
