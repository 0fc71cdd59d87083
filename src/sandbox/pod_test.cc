#include "sandbox/pod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/container.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using State = Pod::State;

constexpr State kAll[] = {State::kCreating, State::kUndoing, State::kLeftover, State::kReady,  State::kEnded,
                          State::kStopping, State::kStopped, State::kRemoving, State::kRemoved};

// The arrows of the diagram.
bool IsMove(State from, State to) {
  const std::vector<std::pair<State, State>> moves = {
      {State::kCreating, State::kReady},   {State::kCreating, State::kUndoing}, {State::kUndoing, State::kLeftover},
      {State::kUndoing, State::kRemoved},  {State::kLeftover, State::kRemoved}, {State::kReady, State::kEnded},
      {State::kReady, State::kStopping},   {State::kEnded, State::kStopping},   {State::kStopping, State::kStopped},
      {State::kStopped, State::kRemoving}, {State::kRemoving, State::kRemoved}};
  return std::find(moves.begin(), moves.end(), std::pair(from, to)) != moves.end();
}

class Listener : public PodListener {
 public:
  void OnContainerExited(const std::string& pod_id, const std::shared_ptr<Container>& container) override {
    heard.push_back(pod_id + ": container " + container->id());
  }
  void OnOomKill(const std::string& pod_id, const std::shared_ptr<Container>& container, uint64_t kills) override {
    heard.push_back(pod_id + ": " + std::to_string(kills) + " OOM kills in " + container->id());
  }
  void OnLogLoss(const std::string& pod_id, const std::shared_ptr<Container>& container, const LogLoss& loss) override {
    heard.push_back(pod_id + ": " + container->id() + (loss.dropping ? " loses output" : " is logged again"));
  }
  void OnPauseExited(const std::string& pod_id, const ContainerExit& exit) override {
    heard.push_back(pod_id + ": pause " + std::to_string(exit.exit_code));
  }
  void OnShimDied(const std::string& pod_id) override { heard.push_back(pod_id + ": shim"); }

  std::vector<std::string> heard;
};

class PodTest : public testing::Test {
 protected:
  std::unique_ptr<Pod> In(State state) {
    PodRecord record;
    record.set_id("p");
    return std::make_unique<Pod>(std::move(record), OciRuntime(), &listener_, state);
  }
  static std::shared_ptr<Container> Running(const std::string& id) {
    ContainerRecord record;
    record.set_id(id);
    auto container = std::make_shared<Container>(std::move(record), Container::State::kStarting);
    container->Start({7, 100});
    return container;
  }

  Listener listener_;
};

TEST_F(PodTest, MovesAreThoseOfTheDiagram) {
  for (const State from : kAll) {
    for (const State to : kAll) {
      const auto pod = In(from);
      EXPECT_EQ(pod->MoveTo(to), IsMove(from, to)) << static_cast<int>(from) << " to " << static_cast<int>(to);
      EXPECT_EQ(pod->state(), IsMove(from, to) ? to : from);
    }
  }
}

TEST_F(PodTest, OnlyOneStateIsReady) {
  for (const State state : kAll) EXPECT_EQ(In(state)->ready(), state == State::kReady) << static_cast<int>(state);
}

TEST_F(PodTest, ClientsSeeItUnlessItIsMadeUndoneOrGone) {
  for (const State state : kAll) {
    const bool hidden = state == State::kCreating || state == State::kUndoing || state == State::kRemoved;
    EXPECT_EQ(In(state)->visible(), !hidden) << static_cast<int>(state);
  }
}

TEST_F(PodTest, ThePhaseOfTheRowFollowsFromTheState) {
  for (const State state : {State::kCreating, State::kUndoing, State::kLeftover}) {
    EXPECT_EQ(PhaseOf(state), Phase::kCreating) << "a restart undoes it";
  }
  for (const State state : {State::kReady, State::kEnded}) EXPECT_EQ(PhaseOf(state), Phase::kCreated);
  for (const State state : {State::kStopping, State::kStopped}) EXPECT_EQ(PhaseOf(state), Phase::kStopped);
  for (const State state : {State::kRemoving, State::kRemoved}) EXPECT_EQ(PhaseOf(state), Phase::kRemoving);
}

TEST_F(PodTest, ADeathEndsAPodThatIsReadyAndUndoesOneThatIsMade) {
  for (const State state : kAll) {
    const auto pod = In(state);
    pod->MarkEnded();
    const State expected = state == State::kReady ? State::kEnded : state == State::kCreating ? State::kUndoing : state;
    EXPECT_EQ(pod->state(), expected) << static_cast<int>(state);
  }
}

TEST_F(PodTest, ContainersCanBeAddedWhileItIsReadyOnly) {
  for (const State state : kAll) {
    const auto pod = In(state);
    const absl::Status added = pod->AddContainer(Running("c"));
    if (state == State::kReady) {
      EXPECT_EQ(added, absl::OkStatus());
      EXPECT_EQ(pod->containers.Find("c")->id(), "c");
    } else {
      EXPECT_EQ(added.code(), absl::StatusCode::kFailedPrecondition) << static_cast<int>(state);
      EXPECT_EQ(pod->containers.Find("c"), nullptr);
    }
  }
}

TEST_F(PodTest, TheExitOfAContainerIsThatContainersOwn) {
  const auto pod = In(State::kReady);
  const auto ends = Running("ends");
  const auto stays = Running("stays");
  ASSERT_EQ(pod->AddContainer(ends), absl::OkStatus());
  ASSERT_EQ(pod->AddContainer(stays), absl::OkStatus());
  pod->OnExit("ends", {3, 200, false});
  EXPECT_EQ(ends->state(), Container::State::kExited);
  EXPECT_EQ(ends->view().exit_code, 3);
  EXPECT_TRUE(stays->running());
  EXPECT_TRUE(pod->ready());
  EXPECT_THAT(listener_.heard, ElementsAre("p: container ends"));
}

TEST_F(PodTest, AnOomKillChangesNoState) {
  const auto pod = In(State::kReady);
  const auto container = Running("c");
  ASSERT_EQ(pod->AddContainer(container), absl::OkStatus());
  pod->OnOomKill("c", 2);
  pod->OnOomKill("never-seen", 1);
  EXPECT_TRUE(container->running());
  EXPECT_TRUE(pod->ready());
  EXPECT_THAT(listener_.heard, ElementsAre("p: 2 OOM kills in c"));
}

TEST_F(PodTest, ALossOfOutputIsKeptAndItsBeginAndEndAreTold) {
  const auto pod = In(State::kReady);
  const auto container = Running("c");
  ASSERT_EQ(pod->AddContainer(container), absl::OkStatus());
  pod->OnLogLoss("c", {true, 10, 1, "No space left on device"});
  pod->OnLogLoss("c", {true, 500, 20, "No space left on device"});
  EXPECT_EQ(container->log_loss.Get().bytes, 500u);
  EXPECT_EQ(container->log_loss.Get().lines, 20u);
  pod->OnLogLoss("c", {false, 600, 30, ""});
  pod->OnLogLoss("never-seen", {true, 1, 1, ""});
  EXPECT_FALSE(container->log_loss.Get().dropping);
  EXPECT_EQ(container->log_loss.Get().bytes, 600u);
  EXPECT_THAT(listener_.heard, ElementsAre("p: c loses output", "p: c is logged again"));
}

TEST_F(PodTest, AnExitOfAContainerThatItDoesNotHaveIsNobodys) {
  const auto pod = In(State::kReady);
  pod->OnExit("never-seen", {3, 200, false});
  EXPECT_TRUE(pod->ready());
  EXPECT_THAT(listener_.heard, IsEmpty());
}

TEST_F(PodTest, TheEndOfThePauseContainerEndsThePodBeforeItIsTold) {
  const auto pod = In(State::kReady);
  pod->OnExit("p", {9, 200, false});
  EXPECT_EQ(pod->state(), State::kEnded);
  EXPECT_THAT(listener_.heard, ElementsAre("p: pause 9"));
}

TEST_F(PodTest, TheDeathOfTheShimEndsThePodAndLeavesContainersToTheListener) {
  const auto pod = In(State::kReady);
  const auto container = Running("c");
  ASSERT_EQ(pod->AddContainer(container), absl::OkStatus());
  pod->OnShimGone();
  EXPECT_EQ(pod->state(), State::kEnded);
  EXPECT_TRUE(container->running()) << "its processes have to be killed first";
  EXPECT_THAT(listener_.heard, ElementsAre("p: shim"));
}

TEST_F(PodTest, AChangeOfTheRecordReturnsACopyThatLaterChangesLeaveAlone) {
  const auto pod = In(State::kReady);
  const PodRecord first = pod->UpdateRecord([](PodRecord* record) { record->set_ip("192.0.2.1"); });
  pod->UpdateRecord([](PodRecord* record) { record->set_ip("192.0.2.2"); });
  EXPECT_EQ(first.ip(), "192.0.2.1");
  EXPECT_EQ(pod->record().ip(), "192.0.2.2");
}

}  // namespace
}  // namespace crisp
