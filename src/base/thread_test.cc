#include "base/thread.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <memory>

#include "base/testing/no_threads.h"

namespace crisp {
namespace {

TEST(ThreadTest, AThreadHasTheBeginningOfWhatItDoesAsItsName) {
  std::array<char, 16> name{};
  StartThread("a rather long description", [&] {
    pthread_getname_np(pthread_self(), name.data(), name.size());
  })->join();
  EXPECT_STREQ(name.data(), "a rather long d");
}

TEST(ThreadTest, AThreadHasAStackForItsOverflow) {
  stack_t stack{};
  StartThread("work", [&] { sigaltstack(nullptr, &stack); })->join();
  EXPECT_EQ(stack.ss_flags, 0) << "SS_DISABLE: it has none";
  EXPECT_GE(stack.ss_size, size_t{64} << 10);
}

TEST(ThreadTest, WhatTheWorkHoldsIsGoneOnceTheThreadIs) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  StartThread("work", [held = std::move(held)] {})->join();
  EXPECT_TRUE(watch.expired());
}

TEST(ThreadTest, WithoutThreadsTheWorkIsNotRunAndTheErrorNamesIt) {
  const NoThreads none;
  bool ran = false;
  const auto thread = StartThread("a mount", [&ran] { ran = true; });
  EXPECT_EQ(thread.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(thread.status().message().find("a mount"), absl::string_view::npos);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace crisp
