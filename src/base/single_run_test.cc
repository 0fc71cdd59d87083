#include "base/single_run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "base/testing/no_threads.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonoTime In(MonoClock::duration time) {
  return MonoClock::now() + time;
}

TEST(SingleRunTest, WorkIsDoneWhenTheCallReturns) {
  SingleRun run("test");
  int done = 0;
  EXPECT_TRUE(run.RunUntil(In(seconds(10)), [&done] { ++done; }));
  EXPECT_TRUE(run.RunUntil(In(seconds(10)), [&done] { ++done; }));
  EXPECT_EQ(done, 2);
}

TEST(SingleRunTest, WorkThatHangsIsLeftAndJoinedByTheNextCall) {
  std::promise<void> release;
  std::atomic<int> begun = 0;
  SingleRun run("test");
  const auto hang = [&] {
    ++begun;
    release.get_future().wait();
  };
  EXPECT_FALSE(run.RunUntil(In(milliseconds(10)), hang));
  EXPECT_FALSE(run.RunUntil(In(milliseconds(10)), hang));
  EXPECT_EQ(begun, 1);
  release.set_value();
  EXPECT_TRUE(run.RunUntil(In(seconds(10)), [&begun] { ++begun; }));
  EXPECT_TRUE(run.RunUntil(In(seconds(10)), [] {}));
}

TEST(SingleRunTest, TheDestructorWaitsForTheWork) {
  std::atomic<bool> ended = false;
  {
    SingleRun run("test");
    EXPECT_FALSE(run.RunUntil(In(milliseconds(1)), [&ended] {
      std::this_thread::sleep_for(milliseconds(50));
      ended = true;
    }));
  }
  EXPECT_TRUE(ended);
}

TEST(SingleRunTest, WithoutAThreadNothingRuns) {
  SingleRun run("test");
  bool done = false;
  {
    const NoThreads none;
    EXPECT_FALSE(run.RunUntil(In(seconds(10)), [&done] { done = true; }));
  }
  EXPECT_FALSE(done);
  EXPECT_TRUE(run.RunUntil(In(seconds(10)), [&done] { done = true; }));
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace crisp
