#include "base/single_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "base/testing/no_threads.h"
#include "base/testing/wait.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

TEST(SingleFlightTest, ASecondCallerJoinsTheFirst) {
  std::promise<void> go;
  SingleFlight<int> flights;
  Counter joined;
  std::shared_future<void> may_finish = go.get_future().share();
  std::atomic<int> runs{0};
  auto work = [&](const SingleFlight<int>::Abandoned&) -> absl::StatusOr<int> {
    may_finish.wait();
    return ++runs;
  };
  std::atomic<bool> first_waits{false};
  std::atomic<bool> second_waits{false};
  const auto do_and_tell = [&](std::atomic<bool>* waits) {  // a caller that waits is asked whether it has gone
    return std::async(std::launch::async, [&flights, &joined, work, waits] {
      const auto gone = [waits] {
        *waits = true;
        return false;
      };
      return flights.Do("web", CallContext(kNoDeadline, gone), work, "", &joined);
    });
  };
  auto first = do_and_tell(&first_waits);
  auto second = do_and_tell(&second_waits);
  EXPECT_EQ(flights.Do("web", CallContext::WithTimeout(milliseconds(20)), work, "", &joined).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Eventually([&] { return first_waits && second_waits; }));
  go.set_value();
  EXPECT_EQ(*first.get(), 1);
  EXPECT_EQ(*second.get(), 1);
  EXPECT_EQ(joined.value(), 2u) << "of three";
}

TEST(SingleFlightTest, DifferentKeysFlyApart) {
  SingleFlight<std::string> flights;
  auto echo = [](const std::string& text) {
    return [text](const SingleFlight<std::string>::Abandoned&) -> absl::StatusOr<std::string> { return text; };
  };
  EXPECT_EQ(*flights.Do("a", CallContext(), echo("a")), "a");
  EXPECT_EQ(*flights.Do("b", CallContext(), echo("b")), "b");
}

TEST(SingleFlightTest, WorkThatEverybodyLeftIsTold) {
  std::promise<bool> told;
  SingleFlight<int> flights;
  auto work = [&](const SingleFlight<int>::Abandoned& abandoned) -> absl::StatusOr<int> {
    told.set_value(Eventually(abandoned));
    return 0;
  };
  EXPECT_FALSE(flights.Do("x", CallContext::WithTimeout(milliseconds(10)), work).ok());
  EXPECT_TRUE(told.get_future().get());
}

TEST(SingleFlightTest, ACancelledCallerLeavesAtOnce) {
  std::promise<void> go;
  SingleFlight<int> flights;
  auto work = [&](const SingleFlight<int>::Abandoned&) -> absl::StatusOr<int> {
    go.get_future().wait();
    return 0;
  };
  EXPECT_EQ(flights.Do("x", CallContext(kNoDeadline, [] { return true; }), work).status().code(),
            absl::StatusCode::kCancelled);
  go.set_value();
}

TEST(SingleFlightTest, WithoutAThreadTheCallFailsAndLeavesNothingInFlight) {
  SingleFlight<int> flights;
  auto work = [](const SingleFlight<int>::Abandoned&) -> absl::StatusOr<int> { return 7; };
  {
    const NoThreads none;
    EXPECT_EQ(flights.Do("x", CallContext::WithTimeout(milliseconds(100)), work).status().code(),
              absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(*flights.Do("x", CallContext::WithTimeout(std::chrono::seconds(10)), work), 7);
}

TEST(SingleFlightTest, TheDestructorWaitsUntilWhatTheWorkHoldsIsLetGo) {
  struct SlowToGo {
    explicit SlowToGo(std::atomic<bool>* is_gone) : gone(is_gone) {}
    ~SlowToGo() {
      LetTimePass(milliseconds(50));  // a destructor that does not wait is through by then
      *gone = true;
    }
    std::atomic<bool>* gone;
  };
  std::atomic<bool> gone{false};
  {
    SingleFlight<int> flights;
    auto held = std::make_shared<SlowToGo>(&gone);
    ASSERT_TRUE(
        flights.Do("x", CallContext(), [held = std::move(held)](const auto&) -> absl::StatusOr<int> { return 0; })
            .ok());
  }
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace crisp
