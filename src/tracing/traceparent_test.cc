#include "tracing/traceparent.h"

#include <gtest/gtest.h>

#include <string>

namespace crisp {
namespace {

constexpr char kExample[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceparentTest, TheSpanOfTheCallerIsRead) {
  const TraceContext context = ParseTraceparent(kExample);
  ASSERT_TRUE(context.valid());
  EXPECT_EQ(TraceIdText(context), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(SpanIdText(context), "00f067aa0ba902b7");
  EXPECT_TRUE(context.sampled);
  EXPECT_EQ(FormatTraceparent(context), kExample);
}

TEST(TraceparentTest, OnlyTheFirstBitOfTheFlagsSaysWhetherItIsSampled) {
  const std::string ids = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";
  EXPECT_FALSE(ParseTraceparent(ids + "00").sampled);
  EXPECT_TRUE(ParseTraceparent(ids + "00").valid());
  EXPECT_FALSE(ParseTraceparent(ids + "02").sampled);
  EXPECT_TRUE(ParseTraceparent(ids + "ff").sampled);
}

TEST(TraceparentTest, ALaterVersionMayHaveMoreBehindIt) {
  const std::string later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_TRUE(ParseTraceparent(later).valid());
  EXPECT_TRUE(ParseTraceparent(later + "-what-the-future-brings").valid());
  EXPECT_FALSE(ParseTraceparent(later + ".what").valid());
}

TEST(TraceparentTest, WhatIsMalformedNamesNoSpan) {
  for (const std::string text : {"", "00", "00-", "garbage", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                                 "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                 "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                 "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                 "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                 "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
                                 "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
                                 " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(ParseTraceparent(text).valid()) << text;
  }
}

}  // namespace
}  // namespace crisp
