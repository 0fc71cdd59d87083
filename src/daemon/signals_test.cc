#include "daemon/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>

#include "base/clock.h"

namespace crisp {
namespace {

std::unique_ptr<Signals> Started(Signals::Options options) {
  return *Signals::Start(std::move(options));
}

TEST(SignalsTest, SigtermEndsTheDaemon) {
  std::promise<void> told;
  const auto signals = Started({[&] { told.set_value(); }, [] {}, [] {}});
  kill(getpid(), SIGTERM);
  signals->AwaitEnd();
  told.get_future().wait();
}

TEST(SignalsTest, Sigusr1AsksAndEndsNothing) {
  std::atomic<bool> ended = false;
  std::promise<void> asked;
  const auto signals = Started({[&] { ended = true; }, [] {}, [&] { asked.set_value(); }});
  kill(getpid(), SIGUSR1);
  asked.get_future().wait();
  EXPECT_FALSE(ended);
}

TEST(SignalsTest, SighupAsksForTheConfigurationAndEndsNothing) {
  std::atomic<bool> ended = false;
  std::promise<void> asked;
  const auto signals = Started({[&] { ended = true; }, [&] { asked.set_value(); }, [] {}});
  kill(getpid(), SIGHUP);
  asked.get_future().wait();
  EXPECT_FALSE(ended);
}

TEST(SignalsTest, ItGoesWithoutASignal) {
  std::atomic<bool> ended = false;
  Started({[&] { ended = true; }, [] {}, [] {}});
  EXPECT_FALSE(ended);
}

void HangAfterSigterm() {
  const auto signals = Started({[] {}, [] {}, [] {}, std::chrono::milliseconds(50)});
  kill(getpid(), SIGTERM);
  signals->AwaitEnd();
  pause();
}

TEST(SignalsDeathTest, ADestructorThatHangsDoesNotKeepTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(HangAfterSigterm(), testing::ExitedWithCode(0), "work is left in progress");
}

void HangInTheStart() {
  const auto signals = Started({[] {}, [] {}, [] {}, std::chrono::milliseconds(50)});
  kill(getpid(), SIGTERM);
  pause();
}

TEST(SignalsDeathTest, NorDoesAStartThatHangs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(HangInTheStart(), testing::ExitedWithCode(0), "work is left in progress");
}

}  // namespace
}  // namespace crisp
