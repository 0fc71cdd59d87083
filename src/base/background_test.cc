#include "base/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>

#include "base/testing/no_threads.h"
#include "base/testing/wait.h"

namespace crisp {
namespace {

TEST(BackgroundTest, WorkRunsSideBySide) {
  std::promise<void> second_runs;
  Background background;
  background.Run([&] { second_runs.get_future().wait(); });
  background.Run([&] { second_runs.set_value(); });
}

TEST(BackgroundTest, TheDestructorWaitsForWorkAndWhatItHolds) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = held;
  std::atomic<bool> done{false};
  {
    Background background;
    background.Run([held = std::move(held), &done] {
      LetTimePass(std::chrono::milliseconds(20));  // a destructor that does not wait is through by then
      done = true;
    });
  }
  EXPECT_TRUE(done);
  EXPECT_TRUE(seen.expired());
}

TEST(BackgroundTest, WithoutAThreadOfItsOwnWorkIsRunByTheReserve) {
  Background background;
  const NoThreads none;
  std::promise<std::thread::id> first;
  std::promise<std::thread::id> second;
  background.Run([&] { first.set_value(std::this_thread::get_id()); });
  background.Run([&] { second.set_value(std::this_thread::get_id()); });
  const std::thread::id reserve = first.get_future().get();
  EXPECT_NE(reserve, std::this_thread::get_id());
  EXPECT_EQ(second.get_future().get(), reserve);
}

TEST(BackgroundTest, WithNoThreadAtAllWorkIsRunByTheDestructor) {
  int runs = 0;
  {
    const NoThreads none;
    Background background;
    background.Run([&] { ++runs; });
    background.Run([&] { ++runs; });
    EXPECT_EQ(runs, 0);
  }
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace crisp
