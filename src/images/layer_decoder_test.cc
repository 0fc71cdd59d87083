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

TEST(LayerDecoderTest, EveryTruncationIsNoticed) {
  const std::string text = Text(3000);
  for (const std::string& blob : {Gzip(text), Zstd(text)}) {
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
