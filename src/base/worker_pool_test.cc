#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"

namespace crisp {
namespace {

TEST(WorkerPoolTest, WorkBeyondTheThreadsWaitsItsTurn) {
  absl::Notification release;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  {
    WorkerPool pool(2);
    for (int i = 0; i < 5; ++i) {
      pool.Run([&] {
        const int now = ++running;
        int before = most;
        while (before < now && !most.compare_exchange_weak(before, now)) continue;
        release.WaitForNotification();
        --running;
      });
    }
    release.Notify();
    pool.Wait();
  }
  EXPECT_EQ(running, 0);
  EXPECT_LE(most, 2);
}

TEST(WorkerPoolTest, TooMuchWaitingWorkIsRefusedUnlessItMustBeDone) {
  absl::Notification release;
  std::atomic<int> done{0};
  WorkerPool pool(1, /*most_waiting=*/1);
  EXPECT_TRUE(pool.TryRun([&] { release.WaitForNotification(), ++done; }));
  EXPECT_TRUE(pool.TryRun([&] { ++done; }));
  EXPECT_FALSE(pool.TryRun([&] { ++done; }));
  pool.Run([&] { ++done; });
  release.Notify();
  pool.Wait();
  EXPECT_EQ(done, 3);
}

TEST(WorkerPoolTest, AStoppedPoolHasDoneItsWorkAndRefusesMore) {
  std::atomic<int> done{0};
  WorkerPool pool(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.TryRun([&] { ++done; }));
  pool.Stop();
  EXPECT_EQ(done, 3);
  EXPECT_FALSE(pool.TryRun([&] { ++done; }));
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace crisp
