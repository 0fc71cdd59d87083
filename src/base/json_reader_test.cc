#include "base/json_reader.h"

#include <gmock/gmock.h>

#include <string>

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

JsonDocument Parse(const std::string& text) {
  return *JsonDocument::Parse(text);
}

template <typename T>
std::string ErrorOf(const absl::StatusOr<T>& result) {
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  return std::string(result.status().message());
}

TEST(JsonReaderTest, FieldsAreReadByTheirType) {
  const JsonDocument document = Parse(R"({"s": "x", "l": ["a", "b"], "n": 7, "b": true, "o": {"i": [{"k": 1}]}})");
  const JsonReader json = document.root();
  EXPECT_EQ(*json.String("s"), "x");
  EXPECT_THAT(*json.Strings("l"), ElementsAre("a", "b"));
  EXPECT_EQ(*json.Unsigned("n"), 7u);
  EXPECT_EQ(*json.Bool("b"), true);
  EXPECT_EQ(*(*(*json.Object("o"))->Objects("i"))[0].Unsigned("k"), 1u);
  EXPECT_THAT(json.Keys(), ElementsAre("b", "l", "n", "o", "s"));
}

TEST(JsonReaderTest, AnAbsentFieldAndNullAreTheSame) {
  const JsonDocument document = Parse(R"({"null": null})");
  const JsonReader json = document.root();
  for (const char* key : {"null", "absent"}) {
    EXPECT_EQ(*json.String(key), "");
    EXPECT_THAT(*json.Strings(key), IsEmpty());
    EXPECT_FALSE(json.Unsigned(key)->has_value());
    EXPECT_FALSE(json.Bool(key)->has_value());
    EXPECT_FALSE(json.Object(key)->has_value());
    EXPECT_THAT(*json.Objects(key), IsEmpty());
    EXPECT_FALSE(json.Field(key).has_value());
  }
  EXPECT_TRUE(json.Contains("null"));
  EXPECT_FALSE(json.Contains("absent"));
}

TEST(JsonReaderTest, AnErrorNamesTheWholePathOfTheField) {
  const JsonDocument document = Parse(R"({"layers": [{"size": 1}, {"size": "x", "tags": ["a", 1]}], "n": -1})");
  const JsonReader json = document.root();
  const std::vector<JsonReader> layers = *json.Objects("layers");
  EXPECT_EQ(ErrorOf(layers[1].Unsigned("size")), "\"layers[1].size\" is not a whole number but of type string");
  EXPECT_EQ(ErrorOf(layers[1].Strings("tags")), "\"layers[1].tags[1]\" is not a string but of type number");
  EXPECT_EQ(ErrorOf(json.Object("layers")), "\"layers\" is not an object but of type array");
  EXPECT_EQ(ErrorOf(json.String("layers")), "\"layers\" is not a string but of type array");
  EXPECT_EQ(ErrorOf(json.Unsigned("n")), "\"n\" is not a whole number but of type number");
  EXPECT_EQ(layers[0].Missing("digest").message(), "\"layers[0].digest\" is missing");
}

TEST(JsonReaderTest, NumbersAreHeldToTheirLimit) {
  const JsonDocument document = Parse(R"({"n": 300, "large": 9223372036854775808})");
  EXPECT_EQ(ErrorOf(document.root().Unsigned("n", 255)), "\"n\" is larger than 255");
  EXPECT_EQ(ErrorOf(document.root().Unsigned("large")), "\"large\" is larger than 9223372036854775807");
  EXPECT_EQ(*document.root().Unsigned("large", UINT64_MAX), 9223372036854775808u);
}

TEST(JsonReaderTest, ANulByteInAStringIsAnError) {
  const JsonDocument document = Parse(R"({"a": ["b\u0000c"]})");
  EXPECT_EQ(ErrorOf(document.root().Strings("a")), "\"a[0]\" has a NUL byte");
}

TEST(JsonReaderTest, UnknownKeysAreFoundWhenAskedFor) {
  const JsonDocument document = Parse(R"({"hook": {"path": "/x", "pfad": "/y"}})");
  const JsonReader hook = **document.root().Object("hook");
  EXPECT_EQ(hook.CheckKeys({"path", "pfad"}), absl::OkStatus());
  EXPECT_EQ(hook.CheckKeys({"path"}).message(), "\"hook.pfad\" is not known");
}

}  // namespace
}  // namespace crisp
