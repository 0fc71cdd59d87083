#include "streaming/spdy_headers.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "absl/strings/escaping.h"
#include "streaming/spdy_dictionary.h"

namespace crisp {
namespace {

TEST(SpdyHeadersTest, TheDictionaryIsTheOneThatBothSidesKnow) {
  const std::string& dictionary = SpdyDictionary();
  EXPECT_EQ(dictionary.size(), 1423u);
  const uLong empty = adler32(0, nullptr, 0);
  EXPECT_EQ(adler32(empty, reinterpret_cast<const Bytef*>(dictionary.data()), static_cast<uInt>(dictionary.size())),
            0xe3c6a7c2u);
}

TEST(SpdyHeadersTest, BlocksBuildOnEachOther) {
  SpdyHeaderDeflater deflater;
  SpdyHeaderInflater inflater;
  size_t first = 0;
  for (int i = 0; i < 50; ++i) {
    const SpdyHeaders headers = {{"streamtype", "data"}, {"port", "8080"}, {"requestid", std::to_string(i)}};
    const std::string block = deflater.Write(headers);
    if (i == 0) first = block.size();
    EXPECT_TRUE(i == 0 || block.size() < first);
    const auto read = inflater.Read(block);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, headers);
  }
  EXPECT_EQ(*inflater.Read(deflater.Write({})), SpdyHeaders());
}

// The first block of a client that is written in Go (compress/zlib, level 9): {"Streamtype": ["error"]}.
TEST(SpdyHeadersTest, TheBlockOfAnotherImplementationIsRead) {
  z_stream z{};
  ASSERT_EQ(deflateInit(&z, Z_BEST_COMPRESSION), Z_OK);
  const std::string& dictionary = SpdyDictionary();
  deflateSetDictionary(&z, reinterpret_cast<const Bytef*>(dictionary.data()), static_cast<uInt>(dictionary.size()));
  const std::string plain = EncodeHeaderBlock({{"streamtype", "error"}});
  std::string block(1000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(block.data());
  z.avail_out = static_cast<uInt>(block.size());
  deflate(&z, Z_SYNC_FLUSH);
  block.resize(block.size() - z.avail_out);
  deflateEnd(&z);
  SpdyHeaderInflater inflater;
  const auto headers = inflater.Read(block);
  ASSERT_TRUE(headers.ok()) << headers.status();
  EXPECT_EQ(FindHeader(*headers, "streamtype"), "error");
  EXPECT_EQ(FindHeader(*headers, "other"), "");
}

TEST(SpdyHeadersTest, ABombIsRefused) {
  SpdyHeaderDeflater deflater;
  SpdyHeaderInflater inflater;
  const std::string block = deflater.Write({{"x", std::string(100 << 20, 'x')}});
  EXPECT_LT(block.size(), 600u << 10);
  EXPECT_FALSE(inflater.Read(block).ok());
  SpdyHeaderDeflater other;
  SpdyHeaderInflater reader;
  EXPECT_TRUE(reader.Read(other.Write({{"x", std::string(60000, 'x')}})).ok());
}

TEST(SpdyHeadersTest, BytesThatAreNotDeflatedOrNotWithTheDictionaryAreErrors) {
  SpdyHeaderInflater inflater;
  EXPECT_FALSE(inflater.Read("no zlib at all").ok());
  std::string plain(200, '\0');
  uLongf size = plain.size();
  compress(reinterpret_cast<Bytef*>(plain.data()), &size, reinterpret_cast<const Bytef*>("\0\0\0\0"), 4);
  plain.resize(size);
  SpdyHeaderInflater other;
  EXPECT_FALSE(other.Read(plain).ok()) << "the end of a zlib stream is the end of all further headers";
  SpdyHeaderInflater none;
  EXPECT_FALSE(none.Read("").ok());
}

TEST(SpdyHeadersTest, BlocksThatEndTooEarlyOrNameAHeaderTwiceAreErrors) {
  const std::string block = EncodeHeaderBlock({{"a", "b"}, {"c", "d"}});
  EXPECT_TRUE(ParseHeaderBlock(block).ok());
  for (size_t length = 0; length < block.size(); ++length) EXPECT_FALSE(ParseHeaderBlock(block.substr(0, length)).ok());
  EXPECT_FALSE(ParseHeaderBlock(EncodeHeaderBlock({{"a", "b"}, {"a", "c"}})).ok());
  EXPECT_FALSE(ParseHeaderBlock(EncodeHeaderBlock({{"Upper", "x"}})).ok());
  EXPECT_FALSE(ParseHeaderBlock(EncodeHeaderBlock({{"", "x"}})).ok());
  EXPECT_FALSE(ParseHeaderBlock(std::string("\xff\xff\xff\xff", 4)).ok());
  EXPECT_FALSE(ParseHeaderBlock(std::string("\0\0\0\1\xff\xff\xff\xff", 8)).ok());
}

}  // namespace
}  // namespace crisp
