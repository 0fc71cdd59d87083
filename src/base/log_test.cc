#include "base/log.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

TEST(LogTest, FieldsFollowTheMessage) {
  EXPECT_EQ(FormatLogLine(LogLevel::kInfo, "pulled image", {{"image", "busybox:1"}, {"bytes", 4261}}),
            "info pulled image image=busybox:1 bytes=4261");
}

TEST(LogTest, AValueCannotForgeAFieldOrALine) {
  EXPECT_EQ(FormatLogLine(LogLevel::kWarning, "odd", {{"name", "a b=c\nerror fake"}, {"empty", ""}}),
            "warning odd name=\"a b=c\\nerror fake\" empty=\"\"");
  EXPECT_EQ(FormatLogLine(LogLevel::kWarning, "line\nbreak", {}), "warning line\\nbreak");
}

TEST(LogTest, LevelsOfTheConfigFileAreKnown) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("debug", &level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("warn", &level));
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_FALSE(ParseLogLevel("loud", &level));
}

}  // namespace
}  // namespace crisp
