#include "streaming/channel_codec.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

class Recorder final : public ChannelReader::Events {
 public:
  void OnMessageBytes(uint8_t channel, absl::string_view bytes) override {
    absl::StrAppend(&log, static_cast<int>(channel), ":", bytes, ";");
  }
  void OnChannelClosed(uint8_t channel) override { absl::StrAppend(&log, "closed ", static_cast<int>(channel), ";"); }
  std::string log;
};

TEST(ChannelCodecTest, TheFirstByteOfAMessageNamesItsChannel) {
  ChannelReader reader(true);
  Recorder events;
  EXPECT_TRUE(reader.Feed(std::string("\0abc", 4), true, &events).ok());
  EXPECT_TRUE(reader.Feed("\4x", true, &events).ok());
  EXPECT_EQ(events.log, "0:abc;4:x;");
}

TEST(ChannelCodecTest, PartsOfAMessageKeepItsChannel) {
  ChannelReader reader(true);
  Recorder events;
  EXPECT_TRUE(reader.Feed("", false, &events).ok());
  EXPECT_TRUE(reader.Feed("\1", false, &events).ok());
  EXPECT_TRUE(reader.Feed("ab", false, &events).ok());
  EXPECT_TRUE(reader.Feed("c", true, &events).ok());
  EXPECT_TRUE(reader.Feed("\2d", true, &events).ok());
  EXPECT_EQ(events.log, "1:ab;1:c;2:d;");
}

TEST(ChannelCodecTest, EmptyMessagesSayNothing) {
  ChannelReader reader(true);
  Recorder events;
  EXPECT_TRUE(reader.Feed("", true, &events).ok());
  EXPECT_TRUE(reader.Feed(std::string(1, '\0'), true, &events).ok());
  EXPECT_EQ(events.log, "");
}

TEST(ChannelCodecTest, TheCloseSignalNamesOneChannel) {
  ChannelReader reader(true);
  Recorder events;
  EXPECT_TRUE(reader.Feed(std::string("\xff\0", 2), true, &events).ok());
  EXPECT_TRUE(reader.Feed("\xff", false, &events).ok());
  EXPECT_TRUE(reader.Feed("\4", true, &events).ok());
  EXPECT_EQ(events.log, "closed 0;closed 4;");
  EXPECT_FALSE(ChannelReader(true).Feed("\xff", true, &events).ok());
  EXPECT_FALSE(ChannelReader(true).Feed("\xff\1\2", true, &events).ok());
  ChannelReader late(true);
  EXPECT_TRUE(late.Feed("\xff\1", false, &events).ok());
  EXPECT_FALSE(late.Feed("\2", true, &events).ok());
}

TEST(ChannelCodecTest, BeforeV5ThereIsNoCloseSignal) {
  ChannelReader reader(false);
  Recorder events;
  EXPECT_TRUE(reader.Feed(std::string("\xff\0", 2), true, &events).ok());
  EXPECT_EQ(events.log, std::string("255:\0;", 6));
}

}  // namespace
}  // namespace crisp
