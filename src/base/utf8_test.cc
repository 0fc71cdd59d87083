#include "base/utf8.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

TEST(Utf8Test, WhatIsWellFormedStays) {
  EXPECT_EQ(ToUtf8(""), "");
  EXPECT_EQ(ToUtf8("plain\n"), "plain\n");
  EXPECT_EQ(ToUtf8("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3"), "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3");
}

TEST(Utf8Test, EachOtherByteBecomesAReplacementCharacter) {
  EXPECT_EQ(ToUtf8("a\xff"
                   "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(ToUtf8("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd") << "an overlong form";
  EXPECT_EQ(ToUtf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd") << "a sequence that is cut off";
}

}  // namespace
}  // namespace crisp
