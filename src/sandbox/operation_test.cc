// Every operation on pods and containers, with a fault at each of its steps: an error before or behind the effect of
// the step, errors from there on, the death of the daemon, the death of the shim. After each: the state and the record
// agree, the next attempt succeeds, and a removal leaves nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
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

using Fault = Steps::Fault;

constexpr int kMostSteps = 60;

// What a pod and a container of a test are called.
struct Ids {
  std::string pod;
  std::string container;
};

struct Operation {
  const char* name;
  // Brings the node to where the operation begins.
  std::function<void(FakeNode&, Ids*)> prepare;
  std::function<absl::Status(FakeNode&, const Ids&)> run;
};

void PrintTo(const Operation& operation, std::ostream* out) {
  *out << operation.name;
}

void Nothing(FakeNode&, Ids*) {}

void HavePod(FakeNode& node, Ids* ids) {
  const auto pod = node.RunPod();
  ASSERT_EQ(pod.status(), absl::OkStatus());
  ids->pod = *pod;
}

void HaveContainer(FakeNode& node, Ids* ids) {
  HavePod(node, ids);
  const auto container = node.CreateContainer(ids->pod);
  ASSERT_EQ(container.status(), absl::OkStatus());
  ids->container = *container;
}

void HaveRunning(FakeNode& node, Ids* ids) {
  HaveContainer(node, ids);
  ASSERT_EQ(node.pods().StartContainer(ids->container, InTime()), absl::OkStatus());
}

void HaveStopped(FakeNode& node, Ids* ids) {
  HaveRunning(node, ids);
  ASSERT_EQ(node.pods().StopPod(ids->pod, InTime()), absl::OkStatus());
}

const std::vector<Operation>& Operations() {
  static const auto* const operations = new std::vector<Operation>{
      {"RunPodSandbox", Nothing, [](FakeNode& node, const Ids&) { return node.RunPod().status(); }},
      {"RunPodSandbox without the pause image", [](FakeNode& node, Ids*) { node.images().ForgetImages(); },
       [](FakeNode& node, const Ids&) { return node.RunPod().status(); }},
      {"CreateContainer", HavePod,
       [](FakeNode& node, const Ids& ids) { return node.CreateContainer(ids.pod).status(); }},
      {"StartContainer", HaveContainer,
       [](FakeNode& node, const Ids& ids) { return node.pods().StartContainer(ids.container, InTime()); }},
      {"StopContainer", HaveRunning,
       [](FakeNode& node, const Ids& ids) { return node.pods().StopContainer(ids.container, 0, InTime()); }},
      {"StopContainer with a grace", HaveRunning,
       [](FakeNode& node, const Ids& ids) { return node.pods().StopContainer(ids.container, 5, InTime()); }},
      {"RemoveContainer", HaveRunning,
       [](FakeNode& node, const Ids& ids) { return node.pods().RemoveContainer(ids.container, InTime()); }},
      {"StopPodSandbox", HaveRunning,
       [](FakeNode& node, const Ids& ids) { return node.pods().StopPod(ids.pod, InTime()); }},
      {"RemovePodSandbox", HaveRunning,
       [](FakeNode& node, const Ids& ids) { return node.pods().RemovePod(ids.pod, InTime()); }},
      {"RemovePodSandbox of a stopped pod", HaveStopped,
       [](FakeNode& node, const Ids& ids) { return node.pods().RemovePod(ids.pod, InTime()); }},
  };
  return *operations;
}

// A start that has failed is final: the kubelet makes another container.
bool IsFailedStart(const Operation& operation, FakeNode& node, const Ids& ids) {
  if (std::string(operation.name) != "StartContainer") return false;
  const auto found = node.table().FindContainer(ids.container);
  return found.ok() && found->container->state() == Container::State::kExited;
}

class OperationTest : public testing::TestWithParam<Operation> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    SetLogOptions({.level = LogLevel::kError});
  }

  // Runs the operation once for each of its steps, each time on a new node, with `plan` to prepare the fault at that
  // step. `judge` looks at what came of it.
  void AtEachStep(const std::function<void(FakeNode&, const Ids&, int)>& plan,
                  const std::function<void(FakeNode&, const Ids&, const absl::Status&)>& judge) {
    for (int step = 1; step <= kMostSteps; ++step) {
      FakeNode node;
      ASSERT_EQ(node.StartDaemon(), absl::OkStatus());
      Ids ids;
      GetParam().prepare(node, &ids);
      if (HasFatalFailure()) return;
      plan(node, ids, step);
      const absl::Status status = GetParam().run(node, ids);
      if (!node.steps().reached()) {
        EXPECT_EQ(status, absl::OkStatus()) << "no fault was injected";
        EXPECT_GT(step, 1) << "the operation has no step";
        return;
      }
      SCOPED_TRACE(absl::StrCat(GetParam().name, ", fault at step ", step, ": ", node.steps().planned_name()));
      judge(node, ids, status);
    }
    FAIL() << "more than " << kMostSteps << " steps";
  }

  static void ExpectNextAttemptSucceeds(FakeNode& node, const Ids& ids) {
    if (IsFailedStart(GetParam(), node, ids)) return;
    EXPECT_EQ(GetParam().run(node, ids), absl::OkStatus());
  }

  // The state and the record agree, before and after an attempt that succeeds, and a removal leaves nothing.
  static void ExpectForgotten(FakeNode& node, const Ids& ids) {
    EXPECT_EQ(node.Contradictions(), "");
    ExpectNextAttemptSucceeds(node, ids);
    EXPECT_EQ(node.Contradictions(), "");
    ExpectNothingIsLeft(node);
  }

  static void ExpectNothingIsLeft(FakeNode& node) {
    EXPECT_EQ(node.RemoveAllPods(), absl::OkStatus());
    EXPECT_EQ(node.Leftovers(), "");
  }
};

TEST_P(OperationTest, AFaultBeforeTheEffectOfAStepIsAnErrorThatTheNextAttemptForgets) {
  AtEachStep([](FakeNode& node, const Ids&, int step) { node.steps().Plan(Fault::kBefore, step); },
             [](FakeNode& node, const Ids& ids, const absl::Status&) {
               node.steps().Heal();
               ExpectForgotten(node, ids);
             });
}

TEST_P(OperationTest, AFaultBehindTheEffectOfAStepIsAnErrorThatTheNextAttemptForgets) {
  AtEachStep([](FakeNode& node, const Ids&, int step) { node.steps().Plan(Fault::kAfter, step); },
             [](FakeNode& node, const Ids& ids, const absl::Status&) {
               node.steps().Heal();
               ExpectForgotten(node, ids);
             });
}

TEST_P(OperationTest, WhatFailsFromAStepOnIsMadeUpForWhenItWorksAgain) {
  AtEachStep([](FakeNode& node, const Ids&, int step) { node.steps().Plan(Fault::kFrom, step); },
             [](FakeNode& node, const Ids& ids, const absl::Status& status) {
               node.steps().Heal();
               EXPECT_NE(status, absl::OkStatus());
               EXPECT_EQ(node.Contradictions(), "");
               ExpectNextAttemptSucceeds(node, ids);
               ExpectNothingIsLeft(node);
             });
}

TEST_P(OperationTest, ADaemonThatDiesAtAStepIsFollowedByOneThatGoesOn) {
  AtEachStep([](FakeNode& node, const Ids&, int step) { node.steps().CallAt(step, [&node] { node.KillDaemon(); }); },
             [](FakeNode& node, const Ids& ids, const absl::Status&) {
               ASSERT_EQ(node.StartDaemon(), absl::OkStatus());
               ExpectForgotten(node, ids);
             });
}

TEST_P(OperationTest, AShimThatDiesAtAStepLeavesNothing) {
  AtEachStep(
      [](FakeNode& node, const Ids&, int step) {
        node.steps().CallAt(step, [&node] {
          for (const PodPtr& pod : node.table().All()) node.shims().Die(pod->id());
        });
      },
      [](FakeNode& node, const Ids&, const absl::Status&) {
        node.steps().Heal();
        for (const PodPtr& pod : node.table().All()) {
          for (const ContainerPtr& container : pod->containers.All()) {
            EXPECT_FALSE(pod->shim.Get() == nullptr && container->running()) << container->id();
          }
        }
        ExpectNothingIsLeft(node);
      });
}

INSTANTIATE_TEST_SUITE_P(Each, OperationTest, testing::ValuesIn(Operations()),
                         [](const testing::TestParamInfo<Operation>& one) {
                           std::string name = one.param.name;
                           std::erase_if(name, [](char c) { return c == ' '; });
                           return name;
                         });

}  // namespace
}  // namespace crisp
