#include "shim/runtime_log.h"

#include "gtest/gtest.h"

namespace crisp::shim {
namespace {

TEST(RuntimeLogTest, TheLastErrorIsWhatAPersonWants) {
  EXPECT_EQ(LastRuntimeError("{\"level\":\"warning\",\"msg\":\"first\",\"time\":\"t\"}\n"
                             "{\"level\":\"error\",\"msg\":\"exec: \\\"x\\\": not found\",\"time\":\"t\"}\n"
                             "{\"level\":\"info\",\"msg\":\"later\"}\n"),
            "exec: \"x\": not found");
  EXPECT_EQ(LastRuntimeError("{\"msg\":\"only a message\",\"level\":\"warning\"}"), "only a message");
}

TEST(RuntimeLogTest, EscapesAreUndone) {
  EXPECT_EQ(LastRuntimeError(R"({"level":"error","msg":"a\u003cb\u003e \u00e9 \u20ac \ud83d \\ \/ \t"})"),
            "a<b> \xc3\xa9 \xe2\x82\xac ? \\ / \t");
}

TEST(RuntimeLogTest, AKeyInsideAMessageIsNoKey) {
  EXPECT_EQ(LastRuntimeError(R"({"level":"error","msg":"\"msg\":\"fake\"","n":3})"), "\"msg\":\"fake\"");
}

TEST(RuntimeLogTest, WhatIsNotJsonGivesNothing) {
  for (const char* log :
       {"", "\n\n", "panic: runtime error\n", "{\"msg\":", "\"", "{\"msg\":\"", "\\u", "{\"msg\":\"\\u12"}) {
    LastRuntimeError(log);  // does not read past the end (address sanitizer)
  }
  EXPECT_EQ(LastRuntimeError("panic: runtime error\n"), "");
}

TEST(RuntimeLogTest, LastLineSkipsBlankOnes) {
  EXPECT_EQ(LastLine("one\ntwo\n \n\n"), "two");
  EXPECT_EQ(LastLine(""), "");
}

}  // namespace
}  // namespace crisp::shim
