#include "base/counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

using testing::ElementsAre;

std::vector<std::string> Read(const CountsByLabel<Counter>& counts) {
  std::vector<std::string> read;
  counts.ForEach([&](const std::string& value, const Counter& counter) {
    read.push_back(absl::StrCat(value, " ", counter.value()));
  });
  return read;
}

TEST(CountersTest, NothingIsLostWhenThreadsCountAtTheSameTime) {
  Counter counter;
  CountsByLabel<Counter> labelled({"ok"}, 2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        counter.Add(2);
        labelled.Of(j % 2 == 0 ? "ok" : "error").Add();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 8000u);
  EXPECT_THAT(Read(labelled), ElementsAre("error 2000", "ok 2000"));
}

TEST(CountersTest, ATimeIsInTheFirstClassWhoseBoundItDoesNotExceed) {
  TimeCounts times;
  times.Add(std::chrono::microseconds(500));
  times.Add(std::chrono::microseconds(501));
  times.Add(std::chrono::hours(1));
  EXPECT_EQ(times.count(0), 1u);
  EXPECT_EQ(times.count(1), 1u);
  EXPECT_EQ(times.count(TimeCounts::kBounds.size()), 1u);
  EXPECT_DOUBLE_EQ(times.seconds(), 3600.001001);
}

TEST(CountersTest, KnownValuesAreThereBeforeTheyAreCounted) {
  CountsByLabel<Counter> results({"ok", "error"});
  EXPECT_THAT(Read(results), ElementsAre("error 0", "ok 0"));
  results.Of("ok").Add();
  EXPECT_THAT(Read(results), ElementsAre("error 0", "ok 1"));
}

TEST(CountersTest, ValuesBeyondTheLimitShareOne) {
  CountsByLabel<Counter> hosts({}, 2);
  for (const char* host : {"a", "b", "c", "d", "a"}) hosts.Of(host).Add();
  EXPECT_THAT(Read(hosts), ElementsAre("a 2", "b 1", "other 2"));
  CountsByLabel<Counter> fixed({"ok"});
  fixed.Of("what nobody has thought of").Add();
  EXPECT_THAT(Read(fixed), ElementsAre("ok 0", "other 1"));
}

}  // namespace
}  // namespace crisp
