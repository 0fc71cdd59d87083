#include "sandbox/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace crisp {
namespace {

using std::chrono::milliseconds;

TEST(GateTest, OneAtATime) {
  Gate gate;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto pass = gate.Enter(CallContext());
        most = std::max(most.load(), ++inside);
        std::this_thread::yield();
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

TEST(GateTest, WhoWaitsOutsideLeavesWithItsCaller) {
  Gate gate;
  const auto pass = gate.Enter(CallContext());
  EXPECT_EQ(gate.Enter(CallContext::WithTimeout(milliseconds(10))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(gate.Enter(CallContext(kNoDeadline, [] { return true; })).status().code(), absl::StatusCode::kCancelled);
}

TEST(GateTest, ItOpensWhenThePassIsGone) {
  Gate gate;
  { const auto pass = gate.Enter(CallContext()); }
  EXPECT_TRUE(gate.Enter(CallContext::WithTimeout(milliseconds(10))).ok());
}

}  // namespace
}  // namespace crisp
