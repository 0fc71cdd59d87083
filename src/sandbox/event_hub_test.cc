#include "sandbox/event_hub.h"

#include <gtest/gtest.h>

#include <string>

namespace crisp {
namespace {

cri::ContainerEventResponse Event(const std::string& id) {
  cri::ContainerEventResponse event;
  event.set_container_id(id);
  return event;
}

TEST(EventHubTest, EverySubscriberGetsEachEventOnceAndInOrder) {
  EventHub hub;
  const auto first = hub.Subscribe([] {});
  hub.Publish(Event("a"));
  const auto second = hub.Subscribe([] {});
  hub.Publish(Event("b"));
  EXPECT_EQ(first->Take()->container_id(), "a");
  EXPECT_EQ(first->Take()->container_id(), "b");
  EXPECT_EQ(first->Take(), nullptr);
  EXPECT_EQ(second->Take()->container_id(), "b") << "what was before is not told";
  EXPECT_EQ(second->Take(), nullptr);
  EXPECT_TRUE(second->End().ok());
}

TEST(EventHubTest, ASubscriberIsWokenWhenThereIsSomethingAfterNothing) {
  EventHub hub;
  int woken = 0;
  const auto queue = hub.Subscribe([&woken] { ++woken; });
  hub.Publish(Event("a"));
  hub.Publish(Event("b"));
  EXPECT_EQ(woken, 1);
  queue->Take();
  queue->Take();
  hub.Publish(Event("c"));
  EXPECT_EQ(woken, 2);
}

TEST(EventHubTest, ASlowSubscriberIsEndedAndTheOthersAreNot) {
  EventHub hub;
  const auto slow = hub.Subscribe([] {});
  const auto quick = hub.Subscribe([] {});
  for (size_t i = 0; i < EventQueue::kMostEvents; ++i) {
    hub.Publish(Event("a"));
    ASSERT_NE(quick->Take(), nullptr);
  }
  EXPECT_TRUE(slow->End().ok());
  hub.Publish(Event("b"));
  EXPECT_EQ(slow->End().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(slow->Take(), nullptr) << "its events are freed";
  EXPECT_EQ(hub.counters().dropped.value(), 1u);
  EXPECT_EQ(hub.counters().sent.value(), 2 * EventQueue::kMostEvents + 1);
  EXPECT_EQ(quick->Take()->container_id(), "b");
  EXPECT_TRUE(quick->End().ok());
}

TEST(EventHubTest, BytesCountAsWellAsEvents) {
  EventHub hub;
  const auto slow = hub.Subscribe([] {});
  cri::ContainerEventResponse big;
  (*big.mutable_pod_sandbox_status()->mutable_annotations())["a"] = std::string(EventQueue::kMostBytes, 'x');
  hub.Publish(big);
  EXPECT_TRUE(slow->End().ok()) << "one goes through, however big";
  hub.Publish(Event("b"));
  EXPECT_EQ(slow->End().code(), absl::StatusCode::kResourceExhausted);
}

TEST(EventHubTest, WhoHasLetGoIsForgotten) {
  EventHub hub;
  EXPECT_FALSE(hub.HasSubscribers());
  auto queue = hub.Subscribe([] {});
  EXPECT_TRUE(hub.HasSubscribers());
  queue.reset();
  EXPECT_FALSE(hub.HasSubscribers());
  hub.Publish(Event("a"));
}

TEST(EventHubTest, CloseEndsAllAndThoseToCome) {
  EventHub hub;
  int woken = 0;
  const auto queue = hub.Subscribe([&woken] { ++woken; });
  hub.Close(absl::UnavailableError("ending"));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(queue->End().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(hub.Subscribe([] {})->End().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace crisp
