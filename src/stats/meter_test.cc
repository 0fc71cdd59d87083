#include "stats/meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crisp {
namespace {

using std::chrono::milliseconds;

TEST(CpuRateTest, IsTheIncreaseASecondSinceTheReadingBefore) {
  CpuRate rate;
  const MonoTime start{};
  EXPECT_EQ(rate.Add(start, 1000), std::nullopt) << "there is none before";
  EXPECT_EQ(rate.Add(start + milliseconds(2000), 1000 + 500'000'000), 250'000'000u);
  EXPECT_EQ(rate.Add(start + milliseconds(3000), 1000 + 500'000'000), 0u);
}

TEST(CpuRateTest, TwoWhoAskAtOnceGetTheSame) {
  CpuRate rate;
  const MonoTime start{};
  rate.Add(start, 0);
  EXPECT_EQ(rate.Add(start + milliseconds(1000), 100'000'000), 100'000'000u);
  EXPECT_EQ(rate.Add(start + milliseconds(1001), 109'000'000), 100'000'000u);
  EXPECT_EQ(rate.Add(start + milliseconds(2000), 200'000'000), 100'000'000u) << "measured from the one that counted";
}

TEST(CpuRateTest, ACounterThatBeganAnewHasNoRate) {
  CpuRate rate;
  const MonoTime start{};
  rate.Add(start, 1000);
  EXPECT_EQ(rate.Add(start + milliseconds(1000), 10), std::nullopt);
  EXPECT_EQ(rate.Add(start + milliseconds(2000), 1010), 1000u);
}

TEST(MeterTest, AfterCloseThereIsNothing) {
  Meter meter;
  bool asked = false;
  const auto place = [&asked] {
    asked = true;
    return cgroup::Dirs();
  };
  EXPECT_TRUE(meter.Read(place));
  EXPECT_TRUE(asked);
  meter.Close();
  asked = false;
  EXPECT_FALSE(meter.Read(place));
  EXPECT_FALSE(meter.ReadDetails(place));
  const auto links = meter.ReadLinks("/proc/self/ns/net");
  ASSERT_TRUE(links.ok());
  EXPECT_TRUE(links->empty());
  EXPECT_FALSE(asked);
}

TEST(MeterTest, ANetworkNamespaceThatIsNotThereIsAnError) {
  Meter meter;
  const auto links = meter.ReadLinks("/run/netns/nowhere");
  EXPECT_THAT(links.status().message(), testing::HasSubstr("open /run/netns/nowhere: No such file or directory"));
}

}  // namespace
}  // namespace crisp
