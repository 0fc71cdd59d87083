#include "client/human.h"

#include <gtest/gtest.h>

namespace crisp::client {
namespace {

constexpr int64_t kSecond = 1000000000;

TEST(HumanTest, Bytes) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(1048575), "1.0 MiB");
}

TEST(HumanTest, Durations) {
  EXPECT_EQ(HumanDuration(kSecond / 2), "Less than a second");
  EXPECT_EQ(HumanDuration(kSecond), "1 second");
  EXPECT_EQ(HumanDuration(47 * 60 * kSecond), "47 minutes");
  EXPECT_EQ(HumanDuration(3600 * kSecond), "About an hour");
  EXPECT_EQ(HumanDuration(3 * 86400 * kSecond), "3 days");
  EXPECT_EQ(Ago(0, kSecond), "N/A");
}

TEST(HumanTest, ParsedSizesAndDurations) {
  EXPECT_EQ(*ParseBytes("1.5g"), 1610612736);
  EXPECT_EQ(*ParseBytes("64KiB"), 65536);
  EXPECT_EQ(*ParseBytes("512"), 512);
  EXPECT_EQ(*ParseDuration("1h30m"), 5400 * kSecond);
  for (const char* bad : {"", "m", "5q", "-1m"}) EXPECT_FALSE(ParseBytes(bad).ok()) << bad;
  for (const char* bad : {"", "5", "5x", "m5"}) EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
}

TEST(HumanTest, PointsInTime) {
  EXPECT_EQ(*ParseTime("10s", 30 * kSecond), 20 * kSecond);
  EXPECT_EQ(*ParseTime("1970-01-01T00:00:05Z", 0), 5 * kSecond);
  EXPECT_EQ(*ParseTime("1970-01-02", 0), 86400 * kSecond);
  EXPECT_EQ(*ParseTime("17", 0), 17 * kSecond);
  EXPECT_FALSE(ParseTime("yesterday", 0).ok());
  EXPECT_EQ(FromRfc3339(Rfc3339(1234567890123456789)), 1234567890123456789);
}

}  // namespace
}  // namespace crisp::client
