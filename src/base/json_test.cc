#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace crisp {
namespace {

TEST(JsonTest, AnObjectIsParsed) {
  EXPECT_EQ((*ParseJsonObject(R"({"a": [1, {"b": null}]})"))["a"][0], 1);
}

TEST(JsonTest, AnythingElseIsAnErrorThatSaysWhatItIs) {
  for (const char* text : {"", " \n", "[]", "1", "{", "{\"a\": \"\xff\"}", "{} {}"}) {
    EXPECT_FALSE(ParseJsonObject(text).ok()) << text;
  }
  EXPECT_NE(ParseJsonObject("{\"a\": oops}").status().message().find("line 1"), absl::string_view::npos);
}

TEST(JsonTest, DepthValuesAndSizeAreBounded) {
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100; ++i) deep += '[';
  EXPECT_FALSE(ParseJsonObject(deep).ok());
  EXPECT_FALSE(ParseJsonObject("{\"a\": [" + std::string(200000, ',') + "]}").ok());
  EXPECT_FALSE(ParseJsonObject("{\"a\": \"" + std::string(kJsonBytesLimit, 'x') + "\"}").ok());
  EXPECT_TRUE(ParseJsonObject("{\"brackets in a string\": \"" + std::string(1000, '[') + "\"}").ok());
}

}  // namespace
}  // namespace crisp
