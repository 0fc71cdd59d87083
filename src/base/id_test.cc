#include "base/id.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

TEST(IdTest, NewIdsAreWellFormedAndDiffer) {
  const std::string a = NewId();
  const std::string b = NewId();
  EXPECT_EQ(a.size(), 64u);
  EXPECT_EQ(a.find_first_not_of("0123456789abcdef"), std::string::npos) << a;
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace crisp
