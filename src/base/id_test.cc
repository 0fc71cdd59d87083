#include "base/id.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

TEST(IdTest, NewIdsAreWellFormedAndDiffer) {
  const std::string a = NewId();
  const std::string b = NewId();
  EXPECT_TRUE(IsId(a));
  EXPECT_NE(a, b);
}

TEST(IdTest, OnlySixtyFourLowerCaseHexDigitsAreAnId) {
  EXPECT_TRUE(IsId(std::string(64, 'a')));
  EXPECT_FALSE(IsId(std::string(63, 'a')));
  EXPECT_FALSE(IsId(std::string(65, 'a')));
  EXPECT_FALSE(IsId(std::string(64, 'A')));
  EXPECT_FALSE(IsId(std::string(63, 'a') + "/"));
}

TEST(IdTest, ShortIdOfAnythingIsAtMostThirteenCharacters) {
  EXPECT_EQ(ShortId("0123456789abcdef"), "0123456789abc");
  EXPECT_EQ(ShortId("01"), "01");
}

}  // namespace
}  // namespace crisp
