#include "images/layer_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "images/testing/tar_builder.h"

namespace crisp {
namespace {

struct Decoded {
  absl::Status status;
  std::string bytes;
  std::string digest;
};

// Feeds `blob` in pieces of `piece` bytes through a ring of small blocks.
Decoded Decode(absl::string_view blob, size_t piece, size_t block = 1000) {
  BlockRing ring(2, block);
  Decoded decoded;
  std::thread feeder([&] {
    TarWriter writer(&ring, blob.size(), "sha256");
    LayerDecoder decoder(&writer);
    for (size_t at = 0; at < blob.size() && decoded.status.ok(); at += piece) {
      decoded.status = decoder.Feed(blob.substr(at, piece));
    }
    if (decoded.status.ok()) decoded.status = decoder.Finish();
    decoded.digest = writer.Digest();
    ring.Finish(absl::OkStatus());
  });
  while (true) {
    const absl::string_view bytes = *ring.Next();
    if (bytes.empty()) break;
    decoded.bytes.append(bytes.data(), bytes.size());
  }
  feeder.join();
  return decoded;
}

std::string Text(size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) text += random() % 3 == 0 ? "the same words " : std::to_string(random());
  return text.substr(0, size);
}

TEST(LayerDecoderTest, AnyBlobComesOutWholeHoweverItIsCut) {
  const std::string text = Text(70000);
  const std::string two = text.substr(0, 1) + text, skippable("\x53\x2a\x4d\x18\3\0\0\0abc", 11);
  const std::pair<std::string, std::string> blobs[] = {
      {text, text},
      {Gzip(text), text},
      {Gzip(text.substr(0, 1)) + Gzip("") + Gzip(text), two},
      {Zstd(text), text},
      {skippable + Zstd(text.substr(0, 1)) + skippable + Zstd(text) + skippable, two},
      {Gzip(""), ""},
      {"", ""},
      {"abc", "abc"},
  };
  for (const auto& [blob, bytes] : blobs) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{4096}, size_t{1 << 20}}) {
      const Decoded decoded = Decode(blob, piece);
      EXPECT_EQ(decoded.status, absl::OkStatus());
      EXPECT_EQ(decoded.bytes == bytes, true) << blob.size() << " bytes in pieces of " << piece;
      EXPECT_EQ(decoded.digest, DigestOf(bytes));
    }
  }
}

TEST(LayerDecoderTest, MembersMayEndAnywhereInAPiece) {
  const std::string text = Text(3000), member = Gzip(text);
  const std::string blob = member + member + member;
  for (size_t piece = 1; piece < member.size() + 20; ++piece) {
    const Decoded decoded = Decode(blob, piece, 512);
    ASSERT_EQ(decoded.status, absl::OkStatus()) << piece;
    ASSERT_EQ(decoded.bytes == text + text + text, true) << piece;
  }
}

// The CRC-32 of gzip, bit by bit.
uint32_t Crc(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

constexpr unsigned kHeaderChecksum = 2, kExtra = 4, kName = 8, kComment = 16, kAllFields = 30;

// `text` as a gzip member with these fields in its header (RFC 1952, 2.3). All have more bytes than a decoder may look
// ahead.
std::string Member(const std::string& text, unsigned flags, const std::string& extra = std::string(26, 'x')) {
  std::string header("\x1f\x8b\x08\0\1\2\3\4\0\3", 10);
  header[3] = static_cast<char>(flags);
  if (flags & kExtra) {
    header += {static_cast<char>(extra.size() & 0xff), static_cast<char>(extra.size() >> 8)};
    header += extra;
  }
  if (flags & kName) header += std::string("file-name.tar") + '\0';
  if (flags & kComment) header += std::string("a comment of some length") + '\0';
  const uint32_t crc = Crc(header);
  if (flags & kHeaderChecksum) header += {static_cast<char>(crc & 0xff), static_cast<char>(crc >> 8 & 0xff)};
  return header + Gzip(text).substr(10);
}

// Feeds `blob` in the pieces that end at `cuts`.
Decoded DecodeCut(absl::string_view blob, std::vector<size_t> cuts) {
  BlockRing ring(64, 1000);
  Decoded decoded;
  TarWriter writer(&ring, blob.size(), "sha256");
  LayerDecoder decoder(&writer);
  cuts.push_back(blob.size());
  size_t at = 0;
  for (const size_t cut : cuts) {
    if (decoded.status.ok()) decoded.status = decoder.Feed(blob.substr(at, cut - at));
    at = cut;
  }
  if (decoded.status.ok()) decoded.status = decoder.Finish();
  ring.Finish(absl::OkStatus());
  for (absl::string_view bytes = *ring.Next(); !bytes.empty(); bytes = *ring.Next()) {
    decoded.bytes.append(bytes.data(), bytes.size());
  }
  return decoded;
}

void ExpectWholeHoweverCut(const std::string& blob, const std::string& text) {
  const Decoded by_bytes = Decode(blob, 1);
  EXPECT_EQ(by_bytes.status, absl::OkStatus()) << "one byte at a time";
  EXPECT_EQ(by_bytes.bytes, text);
  for (size_t cut = 0; cut <= blob.size(); ++cut) {
    const Decoded decoded = DecodeCut(blob, {cut});
    ASSERT_EQ(decoded.status, absl::OkStatus()) << "cut at " << cut;
    ASSERT_EQ(decoded.bytes, text) << "cut at " << cut;
  }
}

TEST(LayerDecoderTest, EveryDecoderTakesEveryCut) {
  const std::string text = Text(500), skippable("\x53\x2a\x4d\x18\3\0\0\0abc", 11);
  ExpectWholeHoweverCut(text, text);
  ExpectWholeHoweverCut(Zstd(text), text);
  ExpectWholeHoweverCut(skippable + Zstd(text) + skippable + Zstd(text), text + text);
  ExpectWholeHoweverCut(Gzip(text), text);
  ExpectWholeHoweverCut(Gzip(""), "");
  ExpectWholeHoweverCut("", "");
}

TEST(LayerDecoderTest, EveryHeaderOfGzipTakesEveryCut) {
  const std::string text = Text(300);
  for (unsigned flags = 0; flags <= kAllFields; flags += 2) {
    SCOPED_TRACE(flags);
    ExpectWholeHoweverCut(Member(text, flags), text);
  }
  ExpectWholeHoweverCut(Member(text, kExtra, ""), text);
  ExpectWholeHoweverCut(Member(text, kAllFields) + Member("", kName) + Member(text, kExtra) + Gzip(text),
                        text + text + text);
  // Two cuts anywhere in the header.
  const std::string blob = Member(text, kAllFields);
  const size_t header = blob.size() - Gzip(text).size() + 12;
  for (size_t first = 0; first < header; ++first) {
    for (size_t second = first; second < header; ++second) {
      ASSERT_EQ(DecodeCut(blob, {first, second}).bytes, text) << first << " " << second;
    }
  }
}

TEST(LayerDecoderTest, AnExtraFieldMayHaveItsFullLength) {
  const std::string text = Text(300);
  const Decoded decoded = Decode(Member(text, kAllFields, std::string(65535, 'x')), 1000);
  EXPECT_EQ(decoded.status, absl::OkStatus());
  EXPECT_EQ(decoded.bytes, text);
}

TEST(LayerDecoderTest, AHeaderOfGzipThatIsNoneIsRefused) {
  const std::string good = Member(Text(300), kAllFields);
  const auto refusal = [&](size_t at, char byte) {
    std::string bad = good;
    bad[at] = byte;
    return Decode(bad, 7).status.code();
  };
  EXPECT_EQ(refusal(2, 7), absl::StatusCode::kDataLoss) << "another method";
  EXPECT_EQ(refusal(3, '\x3e'), absl::StatusCode::kDataLoss) << "a reserved flag";
  for (size_t at = 4; at < good.size() - Gzip(Text(300)).size() + 10; ++at) {
    EXPECT_EQ(refusal(at, static_cast<char>(good[at] ^ 4)), absl::StatusCode::kDataLoss) << at;
  }
}

TEST(LayerDecoderTest, EveryTruncationIsNoticed) {
  const std::string text = Text(3000);
  for (const std::string& blob : {Gzip(text), Member(text, kAllFields), Zstd(text)}) {
    for (size_t size = 4; size < blob.size(); ++size) {
      ASSERT_EQ(Decode(blob.substr(0, size), 1000).status.code(), absl::StatusCode::kDataLoss) << size;
    }
  }
}

TEST(LayerDecoderTest, EveryByteThatFollowsIsNoticed) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string more(1, static_cast<char>(byte));
    EXPECT_EQ(Decode(Gzip("text") + more, 1000).status.code(), absl::StatusCode::kDataLoss) << byte;
    EXPECT_EQ(Decode(Zstd("text") + more, 1000).status.code(), absl::StatusCode::kDataLoss) << byte;
  }
}

TEST(LayerDecoderTest, ADamagedByteIsNoticedOrChangesNothing) {
  const std::string text = Text(2000), blob = Gzip(text);
  for (size_t at = 0; at < blob.size(); ++at) {
    std::string damaged = blob;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    const Decoded decoded = Decode(damaged, 333);
    // What is no gzip any more is a plain tar, which the diff id would unmask.
    EXPECT_TRUE(!decoded.status.ok() || decoded.bytes == text || decoded.bytes == damaged) << at;
  }
}

TEST(BlockRingTest, AProducerThatFailsIsHeardAtOnce) {
  BlockRing ring(4, 10);
  ASSERT_TRUE(ring.Reserve().ok());
  ring.Publish(3);
  ring.Finish(absl::DataLossError("damaged"));
  EXPECT_EQ(ring.Next().status(), absl::DataLossError("damaged"));
}

TEST(BlockRingTest, AConsumerThatStopsFreesABlockedProducer) {
  BlockRing ring(2, 10);
  std::thread producer([&] {
    absl::Status status;
    while (status.ok()) {
      status = ring.Reserve().status();
      if (status.ok()) ring.Publish(10);
    }
    EXPECT_EQ(status, absl::CancelledError("stop"));
  });
  ASSERT_TRUE(ring.Next().ok());
  ring.Stop(absl::CancelledError("stop"));
  producer.join();
}

TEST(BlockRingTest, ABlockThatIsReadIsNotOverwritten) {
  BlockRing ring(2, 1);
  std::thread producer([&] {
    for (int i = 0; i < 10000; ++i) {
      ring.Reserve()->front() = static_cast<char>(i);
      ring.Publish(1);
    }
    ring.Finish(absl::OkStatus());
  });
  for (int i = 0; i < 10000; ++i) {
    const absl::string_view block = *ring.Next();
    if (i % 100 == 0) std::this_thread::yield();
    ASSERT_EQ(block, std::string(1, static_cast<char>(i)));
  }
  EXPECT_TRUE(ring.Next()->empty());
  producer.join();
}

}  // namespace
}  // namespace crisp
