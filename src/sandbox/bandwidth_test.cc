#include "sandbox/bandwidth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crisp {
namespace {

absl::StatusOr<Bandwidth> Of(const std::string& ingress) {
  cri::PodSandboxConfig config;
  (*config.mutable_annotations())["kubernetes.io/ingress-bandwidth"] = ingress;
  return BandwidthOf(config);
}

TEST(BandwidthTest, QuantitiesAreReadAsKubernetesWritesThem) {
  const std::pair<const char*, uint64_t> kCases[] = {
      {"1000", 1000},   {"10M", 10'000'000},      {"1.5k", 1500},     {"1P", 1'000'000'000'000'000},
      {"1Ki", 1024},    {"1.5Gi", 1610612736},    {"2e6", 2'000'000}, {"2E+6", 2'000'000},
      {"1000.2", 1001}, {"1T", 1'000'000'000'000}};
  for (const auto& [text, bits] : kCases) {
    const auto bandwidth = Of(text);
    ASSERT_TRUE(bandwidth.ok()) << text << ": " << bandwidth.status();
    EXPECT_EQ(bandwidth->ingress, bits) << text;
    EXPECT_EQ(bandwidth->egress, 0u) << text;
  }
}

TEST(BandwidthTest, WhatIsNoneOrTooMuchNamesTheAnnotation) {
  for (const char* text : {"", "M", "10m", "999", "2P", "1Ei", "-5M", "+5M", "1 M", " 1M", "inf", "nan", "0x1000", "1e",
                           "1e400", "1..5M", "10MB", "1e3M", "10M\n"}) {
    const auto bandwidth = Of(text);
    EXPECT_EQ(bandwidth.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(bandwidth.status().message()), testing::HasSubstr("kubernetes.io/ingress-bandwidth"));
  }
}

TEST(BandwidthTest, WithoutAnnotationsThereIsNoLimit) {
  const auto bandwidth = BandwidthOf({});
  ASSERT_TRUE(bandwidth.ok());
  EXPECT_EQ(bandwidth->ingress, 0u);
  EXPECT_EQ(bandwidth->egress, 0u);
}

}  // namespace
}  // namespace crisp
