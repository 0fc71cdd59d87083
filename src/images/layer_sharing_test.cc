// Which layers are fetched once for several images, and when layers of no image go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "images/layer_row.h"
#include "images/testing/layer_test.h"
#include "os/file.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::SizeIs;

class LayerSharingTest : public LayerTest {
 protected:
  LayerDescriptor Base(const std::string& name) {
    return source_.AddGzip(TarBuilder().Dir("etc").File("etc/os", name).Dir("app", 0711).File("app/of-base", name));
  }

  // Has all directories of its entries.
  const TarBuilder whole_ = TarBuilder().Dir("app").File("app/program", "x").Dir("new").File("new/.wh..wh..opq", "");
  // Need those of the layers below.
  const TarBuilder needy_ = TarBuilder().File("app/program", "x");
  const TarBuilder remover_ = TarBuilder().Dir("app").File("app/.wh.of-base", "");
};

TEST_F(LayerSharingTest, ALayerThatNeedsNoOtherServesOnEveryBase) {
  const LayerDescriptor app = source_.AddGzip(whole_), one = Base("one"), two = Base("two");
  const auto on_one = Unpack({one, app});
  const auto on_two = Unpack({two, app});
  const auto alone = Unpack({app});
  ASSERT_EQ(alone.status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(app), 1);
  EXPECT_EQ(on_one->chain_ids()[1], on_two->chain_ids()[1]);
  EXPECT_EQ(alone->chain_ids()[0], AnyBaseId(app.diff_id));
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(3));
  // The same tar, packed otherwise by another tool.
  EXPECT_EQ(Unpack({two, source_.Add(Zstd(whole_.Build()), whole_.Build())}).status(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(3));
}

TEST_F(LayerSharingTest, ALayerThatNeedsThoseBelowIsOfItsBase) {
  for (const TarBuilder& tar : {needy_, remover_}) {
    const LayerDescriptor app = source_.AddGzip(tar), one = Base("one"), two = Base("two");
    const auto on_one = Unpack({one, app}), on_two = Unpack({two, app}), alone = Unpack({app});
    ASSERT_EQ(alone.status(), absl::OkStatus());
    EXPECT_EQ(source_.fetches(app), 3);
    EXPECT_NE(on_one->chain_ids()[1], on_two->chain_ids()[1]);
    EXPECT_EQ(alone->chain_ids()[0], app.diff_id);
    EXPECT_EQ(Unpack({one, app}).status(), absl::OkStatus());
    EXPECT_EQ(source_.fetches(app), 3) << "on a base where it is";
  }
}

TEST_F(LayerSharingTest, PullsAtTheSameTimeFetchALayerForAllBasesOnce) {
  const LayerDescriptor app = source_.AddGzip(whole_);
  std::atomic<bool> joined = false;
  source_.Before([&](const LayerDescriptor& layer, size_t sent, const CallContext&) {
    if (layer.digest == app.digest && sent == 0) Eventually([&] { return joined.load(); });
    return absl::OkStatus();
  });
  std::vector<std::thread> pulls;
  for (int i = 0; i < 6; ++i) {
    pulls.emplace_back([&, base = Base(absl::StrCat(i))] {
      const auto lease = Unpack({base, app}, 0);
      EXPECT_EQ(lease.status(), absl::OkStatus());
    });
  }
  EXPECT_TRUE(Eventually([&] { return source_.fetches(app) > 0; }));
  LetTimePass(milliseconds(50));  // in which the others come to it
  joined = true;
  for (std::thread& pull : pulls) pull.join();
  EXPECT_EQ(source_.fetches(app), 1);
}

// Each pull has on top what the other has at the bottom, so that each could wait for the other.
TEST_F(LayerSharingTest, PullsThatCouldWaitForEachOtherDoNot) {
  for (int round = 0; round < 20; ++round) {
    const std::string note = absl::StrCat(round);
    const LayerDescriptor one = source_.AddGzip(TarBuilder().File("a/one" + note, "x").File(".wh.nothing", ""));
    const LayerDescriptor two = source_.AddGzip(TarBuilder().File("a/two" + note, "x").File(".wh.nothing", ""));
    std::thread first([&] { EXPECT_EQ(Unpack({one, two}, 0).status(), absl::OkStatus()); });
    std::thread second([&] { EXPECT_EQ(Unpack({two, one}, 0).status(), absl::OkStatus()); });
    first.join();
    second.join();
  }
}

TEST_F(LayerSharingTest, AnotherPullGoesOnWithALayerWhoseFirstPullFailed) {
  const LayerDescriptor app = source_.AddGzip(whole_), one = Base("one"), two = Base("two");
  std::atomic<int> begun = 0;
  source_.Before([&](const LayerDescriptor& layer, size_t sent, const CallContext&) {
    if (layer.digest != app.digest || sent > 0) return absl::OkStatus();
    if (++begun > 1) return absl::OkStatus();
    LetTimePass(milliseconds(50));  // in which the other comes to it
    return absl::UnavailableError("broken off");
  });
  std::thread first([&] { EXPECT_TRUE(absl::IsUnavailable(Unpack({one, app}, 0).status())); });
  EXPECT_TRUE(Eventually([&] { return begun > 0; }));
  EXPECT_EQ(Unpack({two, app}, 0).status(), absl::OkStatus());
  first.join();
}

TEST_F(LayerSharingTest, ASharedLayerGoesWithTheLastImage) {
  const LayerDescriptor app = source_.AddGzip(whole_), one = Base("one"), two = Base("two");
  RecordImage("sha256:one", Unpack({one, app})->chain_ids());
  RecordImage("sha256:two", Unpack({two, app})->chain_ids());
  OpenStore();
  ASSERT_EQ(database_->Run("DELETE FROM images WHERE id = 'sha256:one'"), absl::OkStatus());
  ASSERT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Layers()), SizeIs(2));
  EXPECT_EQ(Unpack({one, app}).status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(app), 1);
  ASSERT_EQ(database_->Run("DELETE FROM images"), absl::OkStatus());
  ExpectNothingLeft();
}

TEST_F(LayerSharingTest, WithTheDatabaseLostASharedLayerIsStillShared) {
  const LayerDescriptor app = source_.AddGzip(whole_), one = Base("one"), two = Base("two");
  RecordImage("sha256:one", Unpack({one, app})->chain_ids());
  LoseDatabase();
  OpenStore();
  const auto lease = Unpack({two, app});
  ASSERT_EQ(lease.status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(app), 1);
}

// A daemon that was killed in the middle of a pull leaves whole layers.
TEST_F(LayerSharingTest, LayersOfNoImageAreKeptForAWhileAfterAStart) {
  const LayerDescriptor app = source_.AddGzip(whole_), other = Base("other");
  ASSERT_EQ(Unpack({app}).status(), absl::OkStatus());
  RecordImage("sha256:i", Unpack({other})->chain_ids());
  keep_unused_ = milliseconds(300);
  OpenStore();
  EXPECT_EQ(Unpack({app}).status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(app), 1) << "the pull that comes again finds it";
  EXPECT_TRUE(Eventually([&] { return Names(layout_->Layers()).size() == 1; }));
  EXPECT_TRUE(Eventually([&] { return Names(layout_->Ingests()).empty(); }));
  EXPECT_THAT(Names(layout_->Layers()), ElementsAre("1"));
}

TEST_F(LayerSharingTest, LayersThatACallHoldsDuringACollectionGoAfterIt) {
  keep_unused_ = milliseconds(20);
  OpenStore();
  auto lease = Unpack({source_.AddGzip(whole_)});
  ASSERT_EQ(lease.status(), absl::OkStatus());
  ASSERT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_TRUE(Throughout(milliseconds(100), [&] { return Names(layout_->Layers()).size() == 1; }));
  lease = LayerLease();
  EXPECT_TRUE(Eventually([&] { return Names(layout_->Layers()).empty(); }));
}

TEST_F(LayerSharingTest, ACollectionThatFailsIsTriedAgain) {
  keep_unused_ = milliseconds(20);
  OpenStore();
  ASSERT_EQ(Unpack({source_.AddGzip(whole_)}).status(), absl::OkStatus());
  ASSERT_EQ(database_->Run("CREATE TRIGGER no BEFORE DELETE ON layers BEGIN SELECT RAISE(FAIL, 'no'); END"),
            absl::OkStatus());
  EXPECT_FALSE(store_->CollectGarbage().ok());
  EXPECT_TRUE(Throughout(milliseconds(100), [&] { return Names(layout_->Layers()).size() == 1; }));
  ASSERT_EQ(database_->Run("DROP TRIGGER no"), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return Names(layout_->Layers()).empty(); }));
}

TEST_F(LayerSharingTest, AStoreThatIsClosedDoesNotWaitForItsSweeper) {
  ASSERT_EQ(Unpack({source_.AddGzip(whole_)}).status(), absl::OkStatus());
  OpenStore();
  const auto begin = std::chrono::steady_clock::now();
  store_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace crisp
