#include "sandbox/container.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <vector>

namespace crisp {
namespace {

using State = Container::State;
using std::chrono::milliseconds;

constexpr State kAll[] = {State::kCreating, State::kAborted, State::kCreated,  State::kStarting,
                          State::kRunning,  State::kExited,  State::kRemoving, State::kRemoved};

ContainerRecord Record() {
  ContainerRecord record;
  record.set_id("c");
  record.set_pod_id("p");
  return record;
}

// A container that moves have brought into `state`.
std::unique_ptr<Container> In(State state) {
  auto container = std::make_unique<Container>(Record());
  if (state == State::kAborted) container->MoveTo(State::kAborted);
  if (state == State::kCreating || state == State::kAborted) return container;
  container->MoveTo(State::kCreated);
  if (state == State::kCreated) return container;
  container->MoveTo(State::kStarting);
  if (state == State::kStarting) return container;
  container->Start({7, 100});
  if (state == State::kRunning) return container;
  container->Exit({3, 200, false});
  if (state == State::kExited) return container;
  container->MoveTo(State::kRemoving);
  if (state == State::kRemoved) container->MoveTo(State::kRemoved);
  return container;
}

std::unique_ptr<Container> Running() {
  return In(State::kRunning);
}

// The diagram, as pairs that MoveTo accepts.
bool IsPlainMove(State from, State to) {
  const std::vector<std::pair<State, State>> moves = {
      {State::kCreating, State::kAborted}, {State::kCreating, State::kCreated}, {State::kCreated, State::kStarting},
      {State::kCreated, State::kRemoving}, {State::kExited, State::kRemoving},  {State::kAborted, State::kRemoved},
      {State::kRemoving, State::kRemoved}};
  return std::find(moves.begin(), moves.end(), std::pair(from, to)) != moves.end();
}

TEST(ContainerTest, MovesAreThoseOfTheDiagram) {
  for (const State from : kAll) {
    for (const State to : kAll) {
      const auto container = In(from);
      ASSERT_EQ(container->state(), from);
      EXPECT_EQ(container->MoveTo(to), IsPlainMove(from, to))
          << static_cast<int>(from) << " to " << static_cast<int>(to);
      EXPECT_EQ(container->state(), IsPlainMove(from, to) ? to : from);
    }
    EXPECT_EQ(In(from)->Start({7, 100}), from == State::kStarting) << static_cast<int>(from);
    EXPECT_EQ(In(from)->Exit({0, 200, false}), from == State::kStarting || from == State::kRunning);
    EXPECT_EQ(In(from)->End(MakeEnd(1, "why", "")), from == State::kStarting || from == State::kRunning);
  }
}

TEST(ContainerTest, ClientsSeeWhatWasCreatedAndIsNotRemoved) {
  for (const State state : kAll) {
    const bool hidden = state == State::kCreating || state == State::kAborted || state == State::kRemoved;
    EXPECT_EQ(In(state)->visible(), !hidden) << static_cast<int>(state);
  }
}

TEST(ContainerTest, ThePhaseOfTheRowFollowsFromTheState) {
  EXPECT_EQ(PhaseOf(State::kCreating), Phase::kCreating);
  EXPECT_EQ(PhaseOf(State::kAborted), Phase::kCreating);
  for (const State state : {State::kCreated, State::kStarting, State::kRunning, State::kExited}) {
    EXPECT_EQ(PhaseOf(state), Phase::kCreated);
  }
  EXPECT_EQ(PhaseOf(State::kRemoving), Phase::kRemoving);
}

TEST(ContainerTest, AnExitThatOvertakesTheStartIsNotSeenBeforeIt) {
  const auto container = In(State::kStarting);
  EXPECT_TRUE(container->Exit({3, 200, false}));
  EXPECT_FALSE(container->Exit({4, 300, false})) << "the first counts";
  EXPECT_EQ(container->view().state, cri::CONTAINER_CREATED);
  EXPECT_TRUE(container->Start({7, 100}));
  const ContainerView view = container->view();
  EXPECT_EQ(view.state, cri::CONTAINER_EXITED);
  EXPECT_EQ(view.started_at, 100);
  EXPECT_EQ(view.finished_at, 200);
  EXPECT_EQ(view.exit_code, 3);
  EXPECT_EQ(view.reason, "Error");
  EXPECT_EQ(view.pid, -1);
}

TEST(ContainerTest, AnEndIsFinalAndPartOfTheRecord) {
  const auto container = Running();
  EXPECT_TRUE(container->End(MakeEnd(kExitCodeUnknown, kReasonUnknown, "lost")));
  EXPECT_FALSE(container->End(MakeEnd(1, "", "")));
  EXPECT_FALSE(container->Exit({1, 300, false}));
  EXPECT_EQ(container->view().exit_code, kExitCodeUnknown);
  EXPECT_EQ(container->view().reason, kReasonUnknown);
  EXPECT_EQ(container->record().end().message(), "lost");
  const Container next(container->record(), State::kExited);
  EXPECT_EQ(next.view().exit_code, kExitCodeUnknown) << "as the next daemon reads it";
}

TEST(ContainerTest, AnExitIsNotPartOfTheRecord) {
  const auto container = Running();
  container->Exit({1, 300, false});
  EXPECT_FALSE(container->record().has_end()) << "the exit record is the truth";
}

TEST(ContainerTest, WhatIsBeingRemovedLooksAsItDidBefore) {
  EXPECT_EQ(In(State::kRemoving)->view().state, cri::CONTAINER_EXITED);
  const auto never_started = In(State::kCreated);
  never_started->MoveTo(State::kRemoving);
  EXPECT_EQ(never_started->view().state, cri::CONTAINER_CREATED);
}

TEST(ContainerTest, ReasonsAreThoseThatTheKubeletKnows) {
  EXPECT_EQ(ExitReason({0, 1, false}), "Completed");
  EXPECT_EQ(ExitReason({2, 1, false}), "Error");
  EXPECT_EQ(ExitReason({137, 1, true}), "OOMKilled");
}

TEST(ContainerTest, WaitersAreWokenByTheExit) {
  const auto container = Running();
  auto waiter = std::async(std::launch::async, [&] { return container->WaitExited(CallContext()); });
  EXPECT_EQ(container->WaitExited(CallContext::WithTimeout(milliseconds(10))).code(),
            absl::StatusCode::kDeadlineExceeded);
  container->Exit({0, 200, false});
  EXPECT_TRUE(waiter.get().ok());
}

}  // namespace
}  // namespace crisp
