#include "streaming/spdy_frame.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

// Writes down what it is told.
class Recorder final : public SpdyFrameReader::Events {
 public:
  absl::Status OnSpdyData(uint32_t stream, absl::string_view part, bool last) override {
    absl::StrAppend(&log, "data ", stream, " ", part, last ? " last" : "", ";");
    bytes += part.size();
    return absl::OkStatus();
  }
  absl::Status OnSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) override {
    absl::StrAppend(&log, "control ", static_cast<int>(type), " ", flags, " ", absl::BytesToHexString(payload), ";");
    return absl::OkStatus();
  }
  std::string log;
  size_t bytes = 0;
};

std::string Hex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}

TEST(SpdyFrameTest, FramesAreByteForByteWhatTheSpecificationDraws) {
  const SpdyDataHeader data = EncodeSpdyDataHeader(5, kSpdyFin, 0x010203);
  EXPECT_EQ(Hex(absl::string_view(data.data(), data.size())), "0000000501010203");
  EXPECT_EQ(Hex(EncodeSynStream(1, kSpdyFin, "block")),
            "80030001"
            "0100000f"
            "00000001"
            "00000000"
            "0000"
            "626c6f636b");
  EXPECT_EQ(Hex(EncodeSynReply(3, 0, "b")),
            "80030002"
            "00000005"
            "00000003"
            "62");
  EXPECT_EQ(Hex(EncodeRstStream(7, SpdyReset::kCancel)),
            "80030003"
            "00000008"
            "00000007"
            "00000005");
  EXPECT_EQ(Hex(EncodePing(9)),
            "80030006"
            "00000004"
            "00000009");
  EXPECT_EQ(Hex(EncodeGoAway(11, SpdyGoodbye::kProtocolError)),
            "80030007"
            "00000008"
            "0000000b"
            "00000001");
}

TEST(SpdyFrameTest, TheReaderGivesBackWhatWasWrittenHoweverItIsCut) {
  const SpdyDataHeader head = EncodeSpdyDataHeader(5, kSpdyFin, 4);
  const SpdyDataHeader empty = EncodeSpdyDataHeader(7, kSpdyFin, 0);
  const std::string bytes =
      absl::StrCat(EncodeSynStream(1, 0, "block"), absl::string_view(head.data(), 8), "data", EncodePing(1),
                   absl::string_view(empty.data(), 8), EncodeSpdyControl(SpdyType::kSettings, 1, ""));
  Recorder whole;
  SpdyFrameReader reader;
  ASSERT_TRUE(reader.Feed(bytes, &whole).ok());
  EXPECT_EQ(
      whole.log,
      "control 1 0 00000001000000000000626c6f636b;data 5 data last;control 6 0 00000001;data 7  last;control 4 1 ;");
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    Recorder parts;
    SpdyFrameReader other;
    for (size_t at = 0; at < bytes.size(); at += cut) ASSERT_TRUE(other.Feed(bytes.substr(at, cut), &parts).ok());
    EXPECT_EQ(parts.bytes, 4u);
    EXPECT_NE(parts.log.find("control 1 0 00000001000000000000626c6f636b;"), std::string::npos);
    EXPECT_NE(parts.log.find("control 6 0 00000001;"), std::string::npos);
    EXPECT_NE(parts.log.find("last;control 6"), std::string::npos);
  }
}

TEST(SpdyFrameTest, TheEndOfAStreamComesWithTheLastPartOfItsFrame) {
  const SpdyDataHeader head = EncodeSpdyDataHeader(1, kSpdyFin, 4);
  SpdyFrameReader reader;
  Recorder parts;
  ASSERT_TRUE(reader.Feed(absl::StrCat(absl::string_view(head.data(), 8), "ab"), &parts).ok());
  EXPECT_EQ(parts.log, "data 1 ab;");
  ASSERT_TRUE(reader.Feed("cd", &parts).ok());
  EXPECT_EQ(parts.log, "data 1 ab;data 1 cd last;");
}

TEST(SpdyFrameTest, AControlFrameBeyondTheCapIsAnErrorBeforeItsBodyComes) {
  SpdyFrameReader reader;
  Recorder parts;
  const std::string head = EncodeSpdyControl(SpdyType::kHeaders, 0, std::string(kSpdyMaxControlLength + 1, 'x'));
  EXPECT_FALSE(reader.Feed(head.substr(0, 8), &parts).ok());
  SpdyFrameReader other;
  EXPECT_TRUE(
      other.Feed(EncodeSpdyControl(SpdyType::kHeaders, 0, std::string(kSpdyMaxControlLength, 'x')), &parts).ok());
}

TEST(SpdyFrameTest, TheLargestDataFrameCostsNoMemory) {
  const SpdyDataHeader head = EncodeSpdyDataHeader(1, 0, kSpdyMaxDataLength);
  SpdyFrameReader reader;
  Recorder parts;
  ASSERT_TRUE(reader.Feed(absl::string_view(head.data(), 8), &parts).ok());
  ASSERT_TRUE(reader.Feed("abc", &parts).ok());
  EXPECT_EQ(parts.bytes, 3u);
}

TEST(SpdyFrameTest, OtherVersionsAndStreamZeroAreErrors) {
  Recorder parts;
  SpdyFrameReader version;
  EXPECT_FALSE(version.Feed(std::string("\x80\x02\x00\x06\x00\x00\x00\x04", 8), &parts).ok());
  SpdyFrameReader stream;
  EXPECT_FALSE(stream.Feed(std::string(8, '\0'), &parts).ok());
  EXPECT_EQ(parts.log, "");
}

TEST(SpdyFrameTest, PayloadsThatAreTooShortAreErrors) {
  EXPECT_FALSE(ParseSynStream(std::string("\0\0\0\1\0\0\0\0\0", 9)).ok());
  EXPECT_TRUE(ParseSynStream(std::string("\0\0\0\1\0\0\0\0\0\0", 10)).ok());
  EXPECT_FALSE(ParseStreamHeaders("abc").ok());
  EXPECT_FALSE(ParseRstStream(std::string("\0\0\0\1\0\0\0", 7)).ok());
  EXPECT_FALSE(ParseRstStream(std::string(8, '\0')).ok());
  EXPECT_FALSE(ParsePing("abc").ok());
  EXPECT_FALSE(ParseGoAway("abcdefg").ok());
}

}  // namespace
}  // namespace crisp
