#include "daemon/watchdog.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace crisp {
namespace {

constexpr std::chrono::milliseconds kTime{20};

// Counts, and waits for counts.
class Counter {
 public:
  void Add() {
    const MutexLock lock(mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  int count() {
    const MutexLock lock(mutex_);
    return count_;
  }
  void WaitFor(int count) {
    const MutexLock lock(mutex_);
    while (count_ < count) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

void AnswerAtOnce(const std::function<void()>& answer, MonoTime) {
  answer();
}

TEST(WatchdogTest, WithoutATimeThereIsNone) {
  EXPECT_EQ(*Watchdog::Start(std::chrono::microseconds(0), {}, [] {}), nullptr);
}

TEST(WatchdogTest, TellsAgainAndAgainThatAllWork) {
  Counter alive;
  const auto watchdog = *Watchdog::Start(kTime, {{"one", AnswerAtOnce}, {"two", AnswerAtOnce}}, [&] { alive.Add(); });
  alive.WaitFor(3);
}

TEST(WatchdogTest, OneWhoDoesNotAnswerStopsIt) {
  Counter alive;
  Counter asked;
  std::function<void()> late;
  {
    const auto watchdog = *Watchdog::Start(kTime,
                                           {{"works", AnswerAtOnce},
                                            {"hangs",
                                             [&](std::function<void()> answer, MonoTime) {
                                               late = std::move(answer);
                                               asked.Add();
                                             }}},
                                           [&] { alive.Add(); });
    asked.WaitFor(3);
    EXPECT_EQ(alive.count(), 0);
  }
  late();  // does nothing
  EXPECT_EQ(alive.count(), 0);
}

TEST(WatchdogTest, AnAnswerToAnEarlierQuestionDoesNotCount) {
  Counter alive;
  Counter asked;
  std::function<void()> first;
  const auto watchdog = *Watchdog::Start(kTime,
                                         {{"late",
                                           [&](std::function<void()> answer, MonoTime) {
                                             if (first == nullptr) first = answer;
                                             if (asked.count() > 0) first();
                                             asked.Add();
                                           }}},
                                         [&] { alive.Add(); });
  asked.WaitFor(3);
  EXPECT_EQ(alive.count(), 0);
}

TEST(WatchdogTest, OneWhoWorksAgainIsToldOf) {
  Counter alive;
  Counter asked;
  const auto watchdog = *Watchdog::Start(kTime,
                                         {{"slow",
                                           [&](const std::function<void()>& answer, MonoTime) {
                                             asked.Add();
                                             if (asked.count() > 2) answer();
                                           }}},
                                         [&] { alive.Add(); });
  alive.WaitFor(1);
  EXPECT_GT(asked.count(), 2);
}

}  // namespace
}  // namespace crisp
