#include "os/reactor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "base/testing/wait.h"
#include "gtest/gtest.h"
#include "os/fd.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<Reactor> StartReactor() {
  auto reactor = Reactor::Start();
  EXPECT_TRUE(reactor.ok()) << reactor.status();
  return *std::move(reactor);
}

void Signal(int fd) {
  const uint64_t one = 1;
  ASSERT_EQ(write(fd, &one, sizeof(one)), 8);
}

void Clear(int fd) {
  uint64_t count;
  ASSERT_EQ(read(fd, &count, sizeof(count)), 8);
}

TEST(ReactorTest, CallsBackForEachReadiness) {
  auto reactor = StartReactor();
  const Fd event(eventfd(0, EFD_CLOEXEC));
  std::promise<void> calls[2];
  int count = 0;
  ASSERT_TRUE(reactor
                  ->Watch(event.get(),
                          [&] {
                            Clear(event.get());
                            calls[count++].set_value();
                          })
                  .ok());
  Signal(event.get());
  calls[0].get_future().wait();
  Signal(event.get());
  calls[1].get_future().wait();
  reactor->Unwatch(event.get());
  EXPECT_EQ(count, 2);
}

TEST(ReactorTest, HangUpOfThePeerIsReadiness) {
  auto reactor = StartReactor();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  std::promise<void> told;
  ASSERT_TRUE(reactor
                  ->Watch(reader.get(),
                          [&] {
                            reactor->Unwatch(reader.get());
                            told.set_value();
                          })
                  .ok());
  writer.reset();
  told.get_future().wait();
}

TEST(ReactorTest, UnwatchWaitsForARunningCallbackAndNoneFollows) {
  auto reactor = StartReactor();
  const Fd event(eventfd(0, EFD_CLOEXEC));
  std::promise<void> entered;
  std::atomic<int> finished{0};
  ASSERT_TRUE(reactor
                  ->Watch(event.get(),
                          [&] {
                            if (finished == 0) entered.set_value();
                            LetTimePass(milliseconds(50));  // an Unwatch that does not wait returns meanwhile
                            ++finished;
                          })
                  .ok());
  Signal(event.get());  // never read: it stays ready
  entered.get_future().wait();
  reactor->Unwatch(event.get());
  const int at_return = finished;
  EXPECT_GE(at_return, 1);
  EXPECT_TRUE(Throughout(milliseconds(80), [&] { return finished == at_return; }));
}

TEST(ReactorTest, ADescriptorNumberUsedAgainGetsItsOwnCallback) {
  auto reactor = StartReactor();
  for (int round = 0; round < 50; ++round) {
    const Fd event(eventfd(1, EFD_CLOEXEC));
    std::promise<int> told;
    bool done = false;
    ASSERT_TRUE(reactor
                    ->Watch(event.get(),
                            [&, round] {
                              if (!done) told.set_value(round);
                              done = true;
                            })
                    .ok());
    EXPECT_EQ(told.get_future().get(), round);
    reactor->Unwatch(event.get());
  }
}

TEST(ReactorTest, PostsRunInTheOrderOfTheirTimes) {
  auto reactor = StartReactor();
  std::promise<void> done;
  std::string order;
  const MonoTime start = MonoClock::now();
  reactor->PostAt(start + milliseconds(60), [&] {
    order += "c";
    done.set_value();
  });
  reactor->PostAt(start + milliseconds(30), [&] { order += "b"; });
  reactor->Post([&] { order += "a"; });
  done.get_future().wait();
  EXPECT_EQ(order, "abc");
  EXPECT_GE(MonoClock::now() - start, milliseconds(60));
}

TEST(ReactorTest, WatchOfAClosedDescriptorIsAnError) {
  auto reactor = StartReactor();
  EXPECT_FALSE(reactor->Watch(-1, [] {}).ok());
}

TEST(ReactorTest, DestructionDropsWhatHasNotRun) {
  auto held = std::make_shared<int>(1);
  {
    auto reactor = StartReactor();
    reactor->PostAt(MonoClock::now() + std::chrono::hours(1), [held] { FAIL(); });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace crisp
