#include "client/detach_keys.h"

#include <gtest/gtest.h>

namespace crisp::client {
namespace {

TEST(DetachKeysTest, KeysThatComeInPartsDetach) {
  DetachKeys keys = DetachKeys::Parse("ctrl-p,ctrl-q").value();
  EXPECT_EQ(keys.Feed("ls\x10").pass, "ls");
  EXPECT_TRUE(keys.Feed("\x11more").detached);
}

TEST(DetachKeysTest, WhatOnlyBeginsAsTheKeysIsPassedOn) {
  DetachKeys keys = DetachKeys::Parse("ctrl-p,ctrl-q").value();
  const DetachKeys::Result result = keys.Feed("\x10x");
  EXPECT_EQ(result.pass, "\x10x");
  EXPECT_FALSE(result.detached);
}

TEST(DetachKeysTest, WithoutKeysEverythingIsPassedOn) {
  EXPECT_EQ(DetachKeys::Parse("").value().Feed("\x10\x11").pass, "\x10\x11");
}

TEST(DetachKeysTest, WhatIsNoKeyIsNamed) {
  EXPECT_NE(DetachKeys::Parse("ctrl-p,escape").status().message().find("escape"), absl::string_view::npos);
}

}  // namespace
}  // namespace crisp::client
