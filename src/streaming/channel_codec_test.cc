#include "streaming/channel_codec.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
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
  ChannelReader reader(ChannelCoding::kBinaryWithClose);
  Recorder events;
  EXPECT_TRUE(reader.Feed(std::string("\0abc", 4), true, &events).ok());
  EXPECT_TRUE(reader.Feed("\4x", true, &events).ok());
  EXPECT_EQ(events.log, "0:abc;4:x;");
}

TEST(ChannelCodecTest, PartsOfAMessageKeepItsChannel) {
  ChannelReader reader(ChannelCoding::kBinaryWithClose);
  Recorder events;
  EXPECT_TRUE(reader.Feed("", false, &events).ok());
  EXPECT_TRUE(reader.Feed("\1", false, &events).ok());
  EXPECT_TRUE(reader.Feed("ab", false, &events).ok());
  EXPECT_TRUE(reader.Feed("c", true, &events).ok());
  EXPECT_TRUE(reader.Feed("\2d", true, &events).ok());
  EXPECT_EQ(events.log, "1:ab;1:c;2:d;");
}

TEST(ChannelCodecTest, EmptyMessagesSayNothing) {
  ChannelReader reader(ChannelCoding::kBinaryWithClose);
  Recorder events;
  EXPECT_TRUE(reader.Feed("", true, &events).ok());
  EXPECT_TRUE(reader.Feed(std::string(1, '\0'), true, &events).ok());
  EXPECT_EQ(events.log, "");
}

TEST(ChannelCodecTest, TheCloseSignalNamesOneChannel) {
  ChannelReader reader(ChannelCoding::kBinaryWithClose);
  Recorder events;
  EXPECT_TRUE(reader.Feed(std::string("\xff\0", 2), true, &events).ok());
  EXPECT_TRUE(reader.Feed("\xff", false, &events).ok());
  EXPECT_TRUE(reader.Feed("\4", true, &events).ok());
  EXPECT_EQ(events.log, "closed 0;closed 4;");
  EXPECT_FALSE(ChannelReader(ChannelCoding::kBinaryWithClose).Feed("\xff", true, &events).ok());
  EXPECT_FALSE(ChannelReader(ChannelCoding::kBinaryWithClose).Feed("\xff\1\2", true, &events).ok());
  ChannelReader late(ChannelCoding::kBinaryWithClose);
  EXPECT_TRUE(late.Feed("\xff\1", false, &events).ok());
  EXPECT_FALSE(late.Feed("\2", true, &events).ok());
}

TEST(ChannelCodecTest, BeforeV5ThereIsNoCloseSignal) {
  ChannelReader reader(ChannelCoding::kBinary);
  Recorder events;
  EXPECT_TRUE(reader.Feed(std::string("\xff\0", 2), true, &events).ok());
  EXPECT_EQ(events.log, std::string("255:\0;", 6));
}

TEST(ChannelCodecTest, Base64IsDecodedWhereverItsMessagesAreCut) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes += static_cast<char>(i * 7);
  for (const size_t size : {0u, 1u, 2u, 3u, 4u, 299u, 300u}) {
    const std::string message = "3" + absl::Base64Escape(bytes.substr(0, size));
    for (size_t cut = 0; cut <= message.size(); ++cut) {
      ChannelReader reader(ChannelCoding::kBase64);
      std::string got;
      struct : ChannelReader::Events {
        void OnMessageBytes(uint8_t channel, absl::string_view part) override {
          EXPECT_EQ(channel, 3);
          out->append(part.data(), part.size());
        }
        void OnChannelClosed(uint8_t) override { ADD_FAILURE(); }
        std::string* out;
      } events;
      events.out = &got;
      ASSERT_TRUE(reader.Feed(message.substr(0, cut), false, &events).ok()) << size << " " << cut;
      ASSERT_TRUE(reader.Feed(message.substr(cut), true, &events).ok()) << size << " " << cut;
      ASSERT_TRUE(got == bytes.substr(0, size)) << size << " " << cut;
      ASSERT_TRUE(reader.Feed(message, true, &events).ok()) << "it is as new after a message";
    }
  }
}

TEST(ChannelCodecTest, LineBreaksInBase64AreSkippedAndAnythingElseIsRefused) {
  const auto feed = [](const std::string& message) {
    Recorder events;
    const absl::Status status = ChannelReader(ChannelCoding::kBase64).Feed(message, true, &events);
    return status.ok() ? events.log : "refused";
  };
  EXPECT_EQ(feed("0Zm9v\r\nYg==\n"), "0:foob;");
  EXPECT_EQ(feed("1"), "");
  EXPECT_EQ(feed(""), "");
  for (const char* bad : {"0Zm9", "0Zm9vYg", "0Zm9vYg=", "0Zm9vYg===", "0Zg==Zg==", "0Z===", "0====", "0=", "0Zm 9v",
                          "0Zm9-", "0Zm9_", "0Zg=a", "0\xff\xff\xff\xff"}) {
    EXPECT_EQ(feed(bad), "refused") << bad;
  }
}

TEST(ChannelCodecTest, AChannelIsAByteOrACharacter) {
  EXPECT_EQ(ChannelPrefix(ChannelCoding::kBinary, 3), '\3');
  EXPECT_EQ(ChannelPrefix(ChannelCoding::kBase64, 3), '3');
  EXPECT_EQ(ChannelPrefix(ChannelCoding::kBase64, kMostBase64Channels - 1), '\x7f');
}

}  // namespace
}  // namespace crisp
