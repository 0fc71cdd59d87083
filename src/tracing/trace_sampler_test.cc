#include "tracing/trace_sampler.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

TraceId IdWithLow(uint64_t low) {
  TraceId id{1};
  for (size_t i = 0; i < 8; ++i) id[8 + i] = static_cast<uint8_t>(low >> (8 * (7 - i)));
  return id;
}

TraceContext Parent(bool sampled) {
  return {TraceId{1}, SpanId{1}, sampled};
}

TEST(TraceSamplerTest, TheRatioIsOfTheTraceIdsAsOtherSdksCountThem) {
  const TraceSampler quarter{0.25, true};
  EXPECT_TRUE(quarter.Samples(IdWithLow(0), {}));
  EXPECT_TRUE(quarter.Samples(IdWithLow(0x3fffffffffffffff), {}));
  EXPECT_FALSE(quarter.Samples(IdWithLow(0x4000000000000000), {}));
  EXPECT_FALSE(quarter.Samples(IdWithLow(~0ULL), {}));
}

TEST(TraceSamplerTest, AllOrNothingAreExact) {
  EXPECT_TRUE((TraceSampler{1, true}).Samples(IdWithLow(~0ULL), {}));
  EXPECT_FALSE((TraceSampler{0, true}).Samples(IdWithLow(0), {}));
}

TEST(TraceSamplerTest, AParentDecides) {
  EXPECT_TRUE((TraceSampler{0, true}).Samples(IdWithLow(~0ULL), Parent(true)));
  EXPECT_FALSE((TraceSampler{1, true}).Samples(IdWithLow(0), Parent(false)));
}

TEST(TraceSamplerTest, AParentDoesNotDecideWhereItIsNotToBeAsked) {
  EXPECT_FALSE((TraceSampler{0, false}).Samples(IdWithLow(0), Parent(true)));
  EXPECT_TRUE((TraceSampler{1, false}).Samples(IdWithLow(0), Parent(false)));
}

}  // namespace
}  // namespace crisp
