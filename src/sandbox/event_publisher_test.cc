#include "sandbox/event_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sandbox/container.h"
#include "sandbox/event_hub.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EventPublisherTest : public testing::Test {
 protected:
  static PodPtr PodIn(Pod::State state) {
    PodRecord record;
    record.set_id("p");
    record.set_ip("192.0.2.1");
    return std::make_shared<Pod>(std::move(record), OciRuntime(), nullptr, state);
  }
  static ContainerPtr ContainerIn(const PodPtr& pod, Container::State state) {
    ContainerRecord record;
    record.set_id("c");
    auto container = std::make_shared<Container>(std::move(record), state);
    pod->containers.Add("c", container);
    return container;
  }

  // What was published since the last call: "c created".
  std::vector<std::string> Published() {
    static const char* const kTypes[] = {"created", "started", "stopped", "deleted"};
    std::vector<std::string> events;
    while (const ContainerEvent event = queue_->Take()) {
      events.push_back(absl::StrCat(event->container_id(), " ", kTypes[event->container_event_type()]));
    }
    return events;
  }

  EventHub hub_;
  SandboxCounters counters_;
  EventPublisher publisher_{&hub_, &counters_};
  const std::shared_ptr<EventQueue> queue_ = hub_.Subscribe([] {});
};

TEST_F(EventPublisherTest, APodHasTheFourEventsOfItsPauseContainer) {
  const PodPtr pod = PodIn(Pod::State::kReady);
  publisher_.PodStarted(pod);
  EXPECT_THAT(Published(), ElementsAre("p created", "p started")) << "a pod is seen when it is READY";
  EXPECT_EQ(counters_.pod_starts.value(), 1u);
  publisher_.PodStopped(pod);
  EXPECT_THAT(Published(), IsEmpty()) << "it is READY";
  pod->MarkEnded();
  publisher_.PodStopped(pod);
  publisher_.PodStopped(pod);
  EXPECT_THAT(Published(), ElementsAre("p stopped"));
  pod->MoveTo(Pod::State::kStopping);
  pod->MoveTo(Pod::State::kStopped);
  pod->MoveTo(Pod::State::kRemoving);
  pod->MoveTo(Pod::State::kRemoved);
  publisher_.PodRemoved(pod);
  publisher_.PodRemoved(pod);
  EXPECT_THAT(Published(), ElementsAre("p deleted"));
}

TEST_F(EventPublisherTest, OfAPodThatNobodyHasSeenNothingIsTold) {
  const PodPtr pod = PodIn(Pod::State::kUndoing);
  publisher_.PodStopped(pod);
  pod->MoveTo(Pod::State::kRemoved);
  publisher_.PodRemoved(pod);
  EXPECT_THAT(Published(), IsEmpty());
}

TEST_F(EventPublisherTest, APodThatCouldNotBeUndoneIsCreatedAndDeleted) {
  const PodPtr pod = PodIn(Pod::State::kLeftover);
  publisher_.PodCreated(pod);
  EXPECT_THAT(Published(), ElementsAre("p created"));
  pod->MoveTo(Pod::State::kRemoved);
  publisher_.PodRemoved(pod);
  EXPECT_THAT(Published(), ElementsAre("p deleted")) << "it never ran, so it did not stop";
}

TEST_F(EventPublisherTest, AContainersEventsComeOnceEachWhoeverSeesThemFirst) {
  const PodPtr pod = PodIn(Pod::State::kReady);
  const ContainerPtr container = ContainerIn(pod, Container::State::kCreated);
  publisher_.ContainerCreated(pod, container);
  publisher_.ContainerExited(pod, container);
  EXPECT_THAT(Published(), ElementsAre("c created")) << "it has not exited";
  container->MoveTo(Container::State::kStarting);
  container->Start({7, 100});
  container->Exit({0, 200, false});
  // The thread that hears of the exit overtakes the one that has started it.
  publisher_.ContainerExited(pod, container);
  EXPECT_THAT(Published(), ElementsAre("c started", "c stopped"));
  publisher_.ContainerStarted(pod, container);
  publisher_.ContainerExited(pod, container);
  EXPECT_THAT(Published(), IsEmpty());
  EXPECT_EQ(counters_.container_starts.value(), 1u);
  EXPECT_EQ(counters_.container_exits.Of("Completed").value(), 1u);
  container->MoveTo(Container::State::kRemoving);
  container->MoveTo(Container::State::kRemoved);
  publisher_.ContainerRemoved(pod, container);
  EXPECT_THAT(Published(), ElementsAre("c deleted"));
}

TEST_F(EventPublisherTest, AContainerWhoseStartFailedStopsWithoutHavingStarted) {
  const PodPtr pod = PodIn(Pod::State::kReady);
  const ContainerPtr container = ContainerIn(pod, Container::State::kStarting);
  container->End(MakeEnd(kExitCodeStartError, kReasonStartError, "no such file"));
  publisher_.ContainerExited(pod, container);
  publisher_.ContainerExited(pod, container);
  EXPECT_THAT(Published(), ElementsAre("c created", "c stopped"));
  EXPECT_EQ(counters_.container_starts.value(), 0u);
  EXPECT_EQ(counters_.container_exits.Of("StartError").value(), 1u);
}

TEST_F(EventPublisherTest, AContainerThatNeverRanIsDeletedOnly) {
  const PodPtr pod = PodIn(Pod::State::kReady);
  const ContainerPtr container = ContainerIn(pod, Container::State::kCreated);
  publisher_.ContainerCreated(pod, container);
  Published();
  container->MoveTo(Container::State::kRemoving);
  container->MoveTo(Container::State::kRemoved);
  publisher_.ContainerRemoved(pod, container);
  EXPECT_THAT(Published(), ElementsAre("c deleted"));
}

TEST_F(EventPublisherTest, WhatAnEarlierDaemonHasToldIsNotToldAgain) {
  const PodPtr pod = PodIn(Pod::State::kReady);
  const ContainerPtr container = ContainerIn(pod, Container::State::kStarting);
  container->Start({7, 100});
  publisher_.Adopt(*pod);
  publisher_.Adopt(*container);
  publisher_.PodStarted(pod);
  publisher_.ContainerStarted(pod, container);
  EXPECT_THAT(Published(), IsEmpty());
  container->Exit({0, 200, false});
  publisher_.ContainerExited(pod, container);
  pod->MarkEnded();
  publisher_.PodStopped(pod);
  EXPECT_THAT(Published(), ElementsAre("c stopped", "p stopped"));
}

TEST_F(EventPublisherTest, AnAdoptedPodThatHasEndedIsDeletedOnly) {
  const PodPtr pod = PodIn(Pod::State::kStopped);
  const ContainerPtr exited = ContainerIn(pod, Container::State::kStarting);
  exited->End(MakeEnd(1, "why", ""));
  publisher_.Adopt(*pod);
  publisher_.Adopt(*exited);
  publisher_.ContainerExited(pod, exited);
  publisher_.PodStopped(pod);
  EXPECT_THAT(Published(), IsEmpty());
  publisher_.ContainerRemoved(pod, exited);
  publisher_.PodRemoved(pod);
  EXPECT_THAT(Published(), ElementsAre("c deleted", "p deleted"));
}

TEST_F(EventPublisherTest, AnEventHasTheStatesOfTheWholePod) {
  const PodPtr pod = PodIn(Pod::State::kReady);
  const ContainerPtr container = ContainerIn(pod, Container::State::kStarting);
  container->Start({7, 100});
  publisher_.ContainerCreated(pod, container);
  const ContainerEvent event = queue_->Take();
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->pod_sandbox_status().id(), "p");
  EXPECT_EQ(event->pod_sandbox_status().network().ip(), "192.0.2.1");
  ASSERT_EQ(event->containers_statuses_size(), 1);
  EXPECT_EQ(event->containers_statuses(0).state(), cri::CONTAINER_RUNNING);
  EXPECT_GT(event->created_at(), 0);
}

}  // namespace
}  // namespace crisp
