#include "images/layer_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/testing/no_threads.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/layer_limits.h"
#include "images/testing/layer_test.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// Bytes that do not compress, the same for the same seed.
std::string Noise(size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class LayerStoreTest : public LayerTest {
 protected:
  LayerDescriptor BigLayer(unsigned seed) {
    TarBuilder tar;
    for (int i = 0; i < 10; ++i)
      tar.File(absl::StrCat("f", seed, "-", i), Noise(1 << 20, seed * 100 + static_cast<unsigned>(i)));
    return source_.Add(tar.Build(), tar.Build());
  }
};

TEST_F(LayerStoreTest, AGzipTarBecomesARootFileSystem) {
  TarBuilder tar;
  tar.Dir("etc", 0750, 3, 4).File("etc/hello", "hello", 0640);
  const auto tree = Merged({tar});
  EXPECT_EQ(tree.at(""), "040755 0:0");
  EXPECT_EQ(tree.at("etc"), "040750 3:4");
  EXPECT_EQ(tree.at("etc/hello"), "100640 0:0 1000000000.0 5 \"hello\"");
  EXPECT_EQ(tree.size(), 3u);
}

TEST_F(LayerStoreTest, WithoutAThreadNothingIsUnpackedAndNothingIsLeft) {
  const LayerDescriptor layer = source_.AddGzip(TarBuilder().File("f", "x"));
  {
    const NoThreads none;
    EXPECT_EQ(Unpack({layer}).status().code(), absl::StatusCode::kResourceExhausted);
  }
  ExpectNothingLeft();
  EXPECT_EQ(Unpack({layer}).status(), absl::OkStatus());
}

TEST_F(LayerStoreTest, ALayerThatGetsNoThreadEndsThePullOfTheOthers) {
  const LayerDescriptor first = source_.AddGzip(TarBuilder().File("f", "x"));
  const LayerDescriptor second = source_.AddGzip(TarBuilder().File("g", "x"));
  std::optional<NoThreads> none;
  source_.Before([&](const LayerDescriptor&, size_t, const CallContext&) {
    none.emplace();  // while the first is received; the second has not been started
    return absl::OkStatus();
  });
  const absl::Status status = Unpack({first, second}, 1).status();
  none.reset();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, ChainIdsAreThoseOfTheSpecification) {
  const std::string a = DigestOf("a"), b = DigestOf("b"), c = DigestOf("c");
  const std::string ab = DigestOf(a + " " + b);
  EXPECT_THAT(ChainIds({a, b, c}), ElementsAre(a, ab, DigestOf(ab + " " + c)));
}

TEST_F(LayerStoreTest, EveryCompressionGivesTheSameLayer) {
  const std::string content = Noise(300000, 1), tar = TarBuilder().File("f", content).Build();
  for (const std::string& blob : {tar, Gzip(tar), Zstd(tar)}) {
    {
      const auto lease = Unpack({source_.Add(blob, tar)});
      ASSERT_EQ(lease.status(), absl::OkStatus());
      EXPECT_THAT(ListTree(LayerPath(lease->chain_ids()[0])).at("f"), HasSubstr(DigestOf(content)));
    }
    ExpectNothingLeft();
  }
}

TEST_F(LayerStoreTest, ALayerMayBeNamedBySha512) {
  const std::string tar = TarBuilder().File("f", "x").Build(), blob = Gzip(tar);
  LayerDescriptor layer = source_.Add(blob, tar, "sha512");
  ASSERT_EQ(Unpack({layer}).status(), absl::OkStatus());
  layer.diff_id = DigestOf("other", "sha512");
  EXPECT_EQ(Unpack({layer}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LayerStoreTest, ALayerThatIsThereIsNotFetchedAgain) {
  const LayerDescriptor base = source_.AddGzip(TarBuilder().File("a", "x"));
  const LayerDescriptor one = source_.AddGzip(TarBuilder().File("b", "x"));
  const LayerDescriptor two = source_.AddGzip(TarBuilder().File("c", "x"));
  const auto first = Unpack({base, one});
  ASSERT_EQ(first.status(), absl::OkStatus());
  const auto second = Unpack({base, two});
  ASSERT_EQ(second.status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(base), 1);
  EXPECT_EQ(first->chain_ids()[0], second->chain_ids()[0]);
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(3));
}

TEST_F(LayerStoreTest, BlobsThatAreNotWhatTheySayAreRefusedAndLeaveNothing) {
  const std::string tar = TarBuilder().File("f", Noise(100000, 2)).Build();
  const std::string blob = Gzip(tar);
  const auto refusal = [&](const std::string& bytes, auto change) {
    LayerDescriptor layer = source_.Add(bytes, tar);
    change(layer);
    const absl::Status status = Unpack({layer}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    ExpectNothingLeft();
    return std::string(status.message());
  };
  const auto as_it_is = [](LayerDescriptor&) {};
  EXPECT_THAT(refusal(blob, [](LayerDescriptor& layer) { --layer.size; }), HasSubstr("has more than its"));
  EXPECT_THAT(refusal(blob, [](LayerDescriptor& layer) { ++layer.size; }), HasSubstr("instead of"));
  EXPECT_THAT(refusal(blob, [](LayerDescriptor& layer) { layer.diff_id = DigestOf("other"); }), HasSubstr("diff id"));
  EXPECT_THAT(refusal(blob + "trailing trailing", as_it_is), HasSubstr("something else follows"));
  EXPECT_THAT(refusal(blob + std::string(512, '\0'), as_it_is), HasSubstr("something else follows"));
  EXPECT_THAT(refusal(blob.substr(0, blob.size() - 1), as_it_is), HasSubstr("too early"));
  EXPECT_THAT(refusal(blob.substr(0, blob.size() / 2), as_it_is), HasSubstr("too early"));
  std::string flipped = blob;
  flipped[flipped.size() - 6] ^= 1;
  EXPECT_THAT(refusal(flipped, as_it_is), HasSubstr("checksum"));
  const std::string frame = Zstd(tar);
  EXPECT_THAT(refusal(frame.substr(0, frame.size() - 1), as_it_is), HasSubstr("too early"));
  EXPECT_THAT(refusal(frame + "trailing", as_it_is), HasSubstr("zstd data is damaged"));
  EXPECT_THAT(refusal(Gzip(tar + "x"), as_it_is), HasSubstr("diff id"));
}

TEST_F(LayerStoreTest, ADigestThatIsWrongIsRefusedThoughTheTarIsRight) {
  const std::string tar = TarBuilder().File("f", "x").Build();
  class Swap : public LayerSource {
   public:
    explicit Swap(std::string blob) : blob_(std::move(blob)) {}
    absl::Status Fetch(const LayerDescriptor&, const Sink& sink, const CallContext&) override { return sink(blob_); }
    std::string blob_;
  } swap(Gzip(tar));
  const LayerDescriptor layer{DigestOf("another blob"), swap.blob_.size(), DigestOf(tar)};
  const absl::Status status = store_->Unpack({layer}, swap, 1, CallContext()).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("the blob's digest is"));
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, AnErrorOfTheSourceIsTheError) {
  const LayerDescriptor good = BigLayer(1);
  LayerDescriptor absent = good;
  absent.digest = DigestOf("absent");
  absent.diff_id = DigestOf("absent");
  const absl::Status status = Unpack({good, absent}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(absent.digest));
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, ACancelInTheMiddleEndsSoonAndLeavesNothing) {
  const std::vector<LayerDescriptor> layers = {BigLayer(1), BigLayer(2), BigLayer(3)};
  std::atomic<bool> cancelled = false;
  source_.Before([&](const LayerDescriptor&, size_t sent, const CallContext& call) {
    if (sent < 5'000'000) return absl::OkStatus();
    cancelled = true;
    Eventually([&] { return !call.Check().ok(); });
    return call.Check();
  });
  const absl::Status status =
      store_->Unpack(layers, source_, 0, CallContext(kNoDeadline, [&] { return cancelled.load(); })).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, ADeadlineThatHasPassedIsSaidAndLeavesNothing) {
  const absl::Status status =
      store_->Unpack({BigLayer(1)}, source_, 1, CallContext::WithTimeout(std::chrono::milliseconds(1))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, TwoPullsOfOneLayerFetchItOnce) {
  const std::vector<LayerDescriptor> layers = {BigLayer(1), BigLayer(2)};
  std::vector<std::thread> pulls;
  std::atomic<int> done = 0;
  for (int i = 0; i < 8; ++i) {
    pulls.emplace_back([&] {
      const auto lease = Unpack(layers, 1);
      EXPECT_EQ(lease.status(), absl::OkStatus());
      ++done;
      // Nobody's layers go before everybody has them.
      while (done < 8) std::this_thread::yield();
      EXPECT_EQ(store_->CollectGarbage(), absl::OkStatus());
      EXPECT_THAT(Names(layout_->Layers()), SizeIs(2));
    });
  }
  for (std::thread& pull : pulls) pull.join();
  EXPECT_EQ(source_.fetches(layers[0]), 1);
  EXPECT_EQ(source_.fetches(layers[1]), 1);
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, WhoJoinedTakesOverWhenTheFirstIsCancelled) {
  const std::vector<LayerDescriptor> layers = {BigLayer(1), BigLayer(2)};
  std::atomic<bool> cancelled = false, joined = false;
  std::atomic<int> started = 0;
  source_.Before([&](const LayerDescriptor&, size_t sent, const CallContext& call) {
    if (sent == 0) ++started;
    if (sent > 1'000'000) Eventually([&] { return started > 2 || !call.Check().ok(); });
    return started <= 2 ? call.Check() : absl::OkStatus();
  });
  std::thread first([&] {
    const auto lease = store_->Unpack(layers, source_, 2, CallContext(kNoDeadline, [&] { return cancelled.load(); }));
    EXPECT_EQ(lease.status().code(), absl::StatusCode::kCancelled);
  });
  while (started < 2) std::this_thread::yield();
  std::thread second([&] {
    joined = true;
    const auto lease = Unpack(layers, 2);
    EXPECT_EQ(lease.status(), absl::OkStatus());
    EXPECT_THAT(Names(layout_->Layers()), SizeIs(2));
  });
  while (!joined) std::this_thread::yield();
  EXPECT_TRUE(Throughout(std::chrono::milliseconds(50), [&] { return started == 2; }))
      << "the second fetched what the first was at";
  cancelled = true;
  first.join();
  second.join();
  EXPECT_EQ(started, 4);
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, ALayerThatNeedsItsParentsWaitsForThemAndDoesNotBlockThem) {
  // One at a time, then all at once with the lowest the slowest: each upper layer needs the one below it.
  for (const int parallel : {1, 2, 0}) {
    std::vector<LayerDescriptor> layers;
    std::string path;
    for (int i = 0; i < 12; ++i) {
      TarBuilder tar;
      path += absl::StrCat("d", i, "/");
      tar.Dir(path, static_cast<unsigned>(0700 + i))
          .File(absl::StrCat(path, "f", parallel), Noise(300000, static_cast<unsigned>(i)));
      layers.push_back(source_.AddGzip(tar));
    }
    source_.Before([&](const LayerDescriptor& layer, size_t sent, const CallContext&) {
      if (sent == 0 && layer.digest == layers[0].digest) LetTimePass(std::chrono::milliseconds(100));
      return absl::OkStatus();
    });
    const auto lease = Unpack(layers, parallel);
    ASSERT_EQ(lease.status(), absl::OkStatus());
    EXPECT_EQ(ListTree(LayerPath(lease->chain_ids()[11])).at("d0/d1"), "040701 0:0");
  }
}

TEST_F(LayerStoreTest, AtMostSoManyLayersAreFetchedAtOnce) {
  std::vector<LayerDescriptor> layers;
  for (unsigned i = 0; i < 24; ++i)
    layers.push_back(source_.AddGzip(TarBuilder().File(absl::StrCat(i), Noise(100000, i))));
  std::atomic<int> now = 0, most = 0;
  source_.Before([&](const LayerDescriptor& layer, size_t sent, const CallContext&) {
    if (sent == 0) most = std::max<int>(most, ++now);
    LetTimePass(std::chrono::milliseconds(1));  // in which others begin
    if (sent == layer.size) --now;
    return absl::OkStatus();
  });
  EXPECT_EQ(Unpack({layers.begin(), layers.begin() + 8}, 3).status(), absl::OkStatus());
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 2);
  most = 0;
  EXPECT_EQ(Unpack({layers.begin() + 8, layers.end()}, 0).status(), absl::OkStatus());
  EXPECT_LE(most, static_cast<int>(kMostLayersAtOnce));
  EXPECT_GE(most, 4);
}

TEST_F(LayerStoreTest, GarbageIsWhatNoImageRootFileSystemOrLeaseHolds) {
  const LayerDescriptor base = source_.AddGzip(TarBuilder().File("a", "x"));
  const LayerDescriptor one = source_.AddGzip(TarBuilder().File("b", "x"));
  const LayerDescriptor two = source_.AddGzip(TarBuilder().File("c", "x"));
  auto with_one = Unpack({base, one});
  ASSERT_EQ(with_one.status(), absl::OkStatus());
  auto with_two = Unpack({base, two});
  ASSERT_EQ(with_two.status(), absl::OkStatus());
  RecordImage("sha256:one", with_one->chain_ids());
  const std::string target = dir_ + "/merged1";
  mounts_ = 1;
  ASSERT_TRUE(MakeDirs(target, 0755).ok());
  ASSERT_EQ(store_->MountRootfs(with_two->chain_ids(), "c", target), absl::OkStatus());

  EXPECT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(3));
  with_one = LayerLease();
  with_two = LayerLease();
  EXPECT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(3));
  ASSERT_EQ(database_->Run("DELETE FROM images"), absl::OkStatus());
  EXPECT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(2));
  EXPECT_EQ(ListTree(target).count("c"), 1u);
  EXPECT_EQ(store_->ReleaseRootfs("c", target), absl::OkStatus());
  ExpectNothingLeft();
}

TEST_F(LayerStoreTest, AFullDiskIsSaidAndItsSpaceIsFree) {
  store_.reset();
  database_.reset();
  const std::string small = dir_ + "/small";
  ASSERT_TRUE(MakeDirs(small, 0755).ok());
  ASSERT_EQ(MountTmpfs(small, "16m", "0755"), absl::OkStatus());
  layout_ = std::make_unique<Layout>(small, dir_ + "/state", true);
  OpenStore();
  const LayerDescriptor first = BigLayer(1);
  ASSERT_EQ(Unpack({first}).status(), absl::OkStatus());
  const absl::Status status = Unpack({BigLayer(2), BigLayer(3)}).status();
  EXPECT_EQ(ErrnoOf(status), ENOSPC) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("No space left"));
  ExpectNothingLeft();
  EXPECT_EQ(Unpack({first}).status(), absl::OkStatus()) << "the first retry succeeds";
  store_.reset();
  database_.reset();
  EXPECT_EQ(Unmount(small), absl::OkStatus());
}

TEST_F(LayerStoreTest, NoInodesLeftIsSaidToo) {
  store_.reset();
  database_.reset();
  const std::string small = dir_ + "/small";
  ASSERT_TRUE(MakeDirs(small, 0755).ok());
  ASSERT_EQ(mount("tmpfs", small.c_str(), "tmpfs", 0, "nr_inodes=40"), 0);
  layout_ = std::make_unique<Layout>(small, dir_ + "/state", true);
  OpenStore();
  TarBuilder tar;
  for (int i = 0; i < 60; ++i) tar.File(absl::StrCat("f", i), "x");
  EXPECT_EQ(ErrnoOf(Unpack({source_.AddGzip(tar)}).status()), ENOSPC);
  ExpectNothingLeft();
  store_.reset();
  database_.reset();
  EXPECT_EQ(Unmount(small), absl::OkStatus());
}

TEST_F(LayerStoreTest, UsageIsCountedAsUnpackedAndOutlivesARestart) {
  TarBuilder tar;
  tar.Dir("d").File("d/f", std::string(10000, 'x')).Symlink("l", "d").File("empty", "").File(".wh.w", "");
  const LayerDescriptor base = source_.AddGzip(TarBuilder().File("w", ""));
  const LayerDescriptor layer = source_.AddGzip(tar);
  ASSERT_EQ(Unpack({base}).status(), absl::OkStatus());
  const FsUsage below = *store_->Usage();
  const auto lease = Unpack({base, layer});
  ASSERT_EQ(lease.status(), absl::OkStatus());
  RecordImage("sha256:i", lease->chain_ids());
  const FsUsage usage = *store_->Usage();
  EXPECT_EQ(usage.used_bytes - below.used_bytes, 3 * 4096u + 2 * 4096u);
  EXPECT_EQ(usage.inodes_used - below.inodes_used, 6u);
  EXPECT_EQ(usage.mountpoint, layout_->Layers());
  OpenStore();
  EXPECT_EQ(store_->Usage()->used_bytes, usage.used_bytes);
}

// What an earlier daemon left.

TEST_F(LayerStoreTest, HalfUnpackedAndUnfinishedLayersAreSweptAtStart) {
  const auto lease = Unpack({source_.AddGzip(TarBuilder().File("kept", "x"))});
  ASSERT_EQ(lease.status(), absl::OkStatus());
  RecordImage("sha256:i", lease->chain_ids());
  ASSERT_TRUE(MakeDirs(layout_->Ingest("5") + "/usr/bin", 0755).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout_->Ingest("5") + "/usr/bin/half", "x", 0644).ok());
  ASSERT_TRUE(MakeDirs(layout_->Layer("6") + "/not-recorded", 0755).ok());
  ASSERT_EQ(chmod(layout_->Layers().c_str(), 0755), 0);
  OpenStore();
  EXPECT_THAT(Names(layout_->Layers()), ElementsAre("0"));
  EXPECT_THAT(Names(layout_->Ingests()), ElementsAre());
  struct stat info {};
  ASSERT_EQ(stat(layout_->Layers().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0700u);
}

TEST_F(LayerStoreTest, NamesAreNotUsedAgainAfterARestart) {
  const auto first = Unpack({source_.AddGzip(TarBuilder().File("a", "x"))});
  RecordImage("sha256:i", first->chain_ids());
  OpenStore();
  const auto second = Unpack({source_.AddGzip(TarBuilder().File("b", "x"))});
  ASSERT_EQ(second.status(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), ElementsAre("0", "1"));
}

TEST_F(LayerStoreTest, AnImageWhoseLayerDirectoryIsGoneIsForgottenSoThatItCanBePulled) {
  const LayerDescriptor layer = source_.AddGzip(TarBuilder().File("a", "x"));
  {
    const auto lease = Unpack({layer});
    RecordImage("sha256:i", lease->chain_ids());
  }
  store_.reset();
  ASSERT_TRUE(RemoveTree(layout_->Layer("0")).ok());
  OpenStore();
  int images = 0;
  ASSERT_EQ(database_->Query("SELECT 1 FROM images", [&](const Row&) { ++images; }), absl::OkStatus());
  EXPECT_EQ(images, 0);
  EXPECT_EQ(Unpack({layer}).status(), absl::OkStatus());
}

TEST_F(LayerStoreTest, WithTheDatabaseLostContainersKeepTheirLayers) {
  const LayerDescriptor base = source_.AddGzip(TarBuilder().File("a", "x"));
  const LayerDescriptor top = source_.AddGzip(TarBuilder().File("b", "x"));
  const LayerDescriptor other = source_.AddGzip(TarBuilder().File("c", "x"));
  const std::string target = dir_ + "/merged1";
  mounts_ = 1;
  ASSERT_TRUE(MakeDirs(target, 0755).ok());
  {
    const auto lease = Unpack({base, top});
    const auto unused = Unpack({other});
    ASSERT_EQ(store_->MountRootfs(lease->chain_ids(), "c", target), absl::OkStatus());
    RecordImage("sha256:i", unused->chain_ids());
  }
  LoseDatabase();
  OpenStore();
  EXPECT_EQ(Unpack({other}).status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(other), 1) << "the layer was there";
  EXPECT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(2));
  EXPECT_EQ(ListTree(target).size(), 3u);
  EXPECT_EQ(store_->ReleaseRootfs("c", target), absl::OkStatus());
  ExpectNothingLeft();
}

}  // namespace
}  // namespace crisp
