#include "streaming/stream_result.h"

#include <gtest/gtest.h>

#include "absl/status/status.h"

namespace crisp {
namespace {

TEST(StreamResultTest, FromV4OnTheResultIsAStatus) {
  EXPECT_EQ(ResultText(4, 0), R"({"metadata":{},"status":"Success"})");
  EXPECT_EQ(ResultText(5, 137), R"({"details":{"causes":[{"message":"137","reason":"ExitCode"}]},)"
                                R"("message":"command terminated with non-zero exit code: 137","metadata":{},)"
                                R"("reason":"NonZeroExitCode","status":"Failure"})");
  EXPECT_EQ(ResultText(4, absl::NotFoundError("no \"x\"")),
            R"({"code":500,"details":{"causes":[{"message":"no \"x\""}]},"message":"no \"x\"","metadata":{},)"
            R"("reason":"InternalError","status":"Failure"})");
}

TEST(StreamResultTest, BeforeV4ItIsTextAndNothingAfterSuccess) {
  EXPECT_EQ(ResultText(3, 0), "");
  EXPECT_EQ(ResultText(1, 2), "command terminated with non-zero exit code: 2");
  EXPECT_EQ(ResultText(2, absl::InternalError("gone")), "gone");
}

TEST(StreamResultTest, BytesThatAreNotUtf8StillMakeJson) {
  EXPECT_NE(ResultText(4, absl::InternalError("\xff\xfe")).find("InternalError"), std::string::npos);
}

TEST(StreamResultTest, ASizeIsReadAndNonsenseIsNot) {
  EXPECT_EQ(ParseResize(R"({"Width":80,"Height":24})"), (TerminalSize{80, 24}));
  for (const char* nonsense :
       {"", "{}", "[]", "80", R"({"Width":80})", R"({"Width":0,"Height":24})", R"({"Width":80,"Height":65536})",
        R"({"Width":-1,"Height":24})", R"({"Width":"80","Height":24})", R"({"Width":80.5,"Height":24})",
        R"({"Width":99999999999999999999,"Height":1})", R"({"Width":18446744073709551615,"Height":1})", "{{{{"}) {
    EXPECT_EQ(ParseResize(nonsense), std::nullopt) << nonsense;
  }
}

TEST(StreamResultTest, SizesAreFoundHoweverTheyAreCut) {
  const std::string two = R"({"Width":80,"Height":24}{"Width":100,"Height":30})";
  ResizeReader whole;
  EXPECT_EQ(whole.Feed(two), (TerminalSize{100, 30}));
  ResizeReader bytes;
  std::vector<TerminalSize> sizes;
  for (const char c : two + "\n") {
    if (const auto size = bytes.Feed(std::string(1, c))) sizes.push_back(*size);
  }
  EXPECT_EQ(sizes, (std::vector<TerminalSize>{{80, 24}, {100, 30}}));
}

TEST(StreamResultTest, ASizeAfterNonsenseIsFound) {
  ResizeReader reader;
  EXPECT_EQ(reader.Feed(std::string(1 << 20, '{')), std::nullopt);
  EXPECT_EQ(reader.Feed(std::string(1 << 20, 'x')), std::nullopt);
  EXPECT_EQ(reader.Feed(R"({"Width":80,"Height":24})"), (TerminalSize{80, 24}));
}

}  // namespace
}  // namespace crisp
