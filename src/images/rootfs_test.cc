#include "images/rootfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "images/testing/layer_test.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class RootfsTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    if (IsSkipped()) return;
    target_ = dir_ + "/merged1";
    mounts_ = 1;
    ASSERT_TRUE(MakeDirs(target_, 0755).ok());
    auto lease = Unpack({source_.AddGzip(TarBuilder().Dir("./", 0751, 4, 5).File("a", "x")),
                         source_.AddGzip(TarBuilder().File("b", "y"))});
    ASSERT_EQ(lease.status(), absl::OkStatus());
    lease_ = *std::move(lease);
  }

  int Rows() {
    int rows = 0;
    EXPECT_EQ(database_->Query("SELECT 1 FROM rootfs_layers", [&](const Row&) { ++rows; }), absl::OkStatus());
    return rows;
  }

  std::string target_;
  LayerLease lease_;
};

TEST_F(RootfsTest, WritesGoToTheContainersOwnLayer) {
  ASSERT_EQ(store_->MountRootfs(lease_.chain_ids(), "c", target_), absl::OkStatus());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, target_ + "/a", "changed", 0644).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, LayerPath(lease_.chain_ids()[0]) + "/a", 100), "x");
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, layout_->Upper("c") + "/a", 100), "changed");
  EXPECT_EQ(ListTree(target_).at(""), "040751 4:5");
  struct stat info {};
  ASSERT_EQ(stat(layout_->Container("c").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0700u);
}

TEST_F(RootfsTest, AReadOnlyOneTakesNoWritesEvenOfASingleLayer) {
  for (const std::vector<std::string>& chain_ids :
       {lease_.chain_ids(), std::vector<std::string>{lease_.chain_ids().front()}}) {
    RootfsOptions options;
    options.read_only = true;
    ASSERT_EQ(store_->MountRootfs(chain_ids, "c", target_, options), absl::OkStatus());
    EXPECT_EQ(*ReadFileAt(AT_FDCWD, target_ + "/a", 100), "x");
    EXPECT_EQ(ErrnoOf(WriteFileAt(AT_FDCWD, target_ + "/new", "", 0644)), EROFS);
    EXPECT_FALSE(Exists(layout_->Upper("c")));
    EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus());
    EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
  }
}

TEST_F(RootfsTest, AShiftedOneHasTheOwnersThatAUserNamespaceMaps) {
  RootfsOptions options;
  options.id_map = IdMap{{{0, 100000, 1000}}, {{0, 200000, 1000}}};
  ASSERT_EQ(store_->MountRootfs(lease_.chain_ids(), "c", target_, options), absl::OkStatus());
  EXPECT_EQ(ListTree(target_).at(""), "040751 100004:200005");
  struct stat info {};
  ASSERT_EQ(lstat((target_ + "/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 100000u);
  EXPECT_EQ(info.st_gid, 200000u);
  // A change keeps the owner, and the layer keeps its own.
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, target_ + "/b", "changed", 0644).ok());
  ASSERT_EQ(lstat((target_ + "/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 100000u);
  ASSERT_EQ(lstat((LayerPath(lease_.chain_ids()[1]) + "/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_FALSE(Exists(layout_->Container("c") + "/shifted"));
  EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
}

TEST_F(RootfsTest, AShiftedOneWhoseMapFailsLeavesNothing) {
  RootfsOptions options;
  options.id_map = IdMap{{{0, 100000, 2}}, {{0, 200000, 2}}};  // the root's owner is not in it
  EXPECT_THAT(std::string(store_->MountRootfs(lease_.chain_ids(), "c", target_, options).message()),
              HasSubstr("not mapped"));
  options.id_map = IdMap{{}, {}};
  EXPECT_NE(store_->MountRootfs(lease_.chain_ids(), "c", target_, options), absl::OkStatus());
  EXPECT_EQ(Rows(), 0);
  EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
}

TEST_F(RootfsTest, ReleaseLeavesNothingAndMayBeCalledAgain) {
  ASSERT_EQ(store_->MountRootfs(lease_.chain_ids(), "c", target_), absl::OkStatus());
  EXPECT_EQ(Rows(), 2);
  lease_ = LayerLease();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus());
    EXPECT_EQ(Rows(), 0);
    EXPECT_THAT(Names(target_), SizeIs(0));
    EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
  }
  ExpectNothingLeft();
}

TEST_F(RootfsTest, ReleaseLeavesWhatOthersKeepForTheContainer) {
  ASSERT_EQ(store_->MountRootfs(lease_.chain_ids(), "c", target_), absl::OkStatus());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout_->ExitRecord("c"), "0", 0600).ok());
  EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus());
  EXPECT_THAT(Names(layout_->Container("c")), ElementsAre("exit"));
}

// Release, broken off after each of its steps, as a kill would.
TEST_F(RootfsTest, ReleaseIsFinishedFromAnyStep) {
  for (int steps = 0; steps < 5; ++steps) {
    ASSERT_EQ(store_->MountRootfs(lease_.chain_ids(), "c", target_), absl::OkStatus()) << steps;
    if (steps > 0) {
      ASSERT_EQ(Unmount(target_), absl::OkStatus());
    }
    if (steps > 1) {
      ASSERT_EQ(RemoveTree(layout_->Upper("c")), absl::OkStatus());
    }
    if (steps > 2) {
      ASSERT_EQ(RemoveTree(layout_->Work("c")), absl::OkStatus());
    }
    if (steps > 3) {
      ASSERT_EQ(RemoveTree(layout_->Container("c")), absl::OkStatus());
    }
    OpenStore();
    EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus()) << steps;
    EXPECT_EQ(Rows(), 0);
    EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
    RecordImage(absl::StrCat("sha256:", steps), {});
    auto lease = Unpack({source_.AddGzip(TarBuilder().Dir("./", 0751, 4, 5).File("a", "x")),
                         source_.AddGzip(TarBuilder().File("b", "y"))});
    ASSERT_EQ(lease.status(), absl::OkStatus());
    lease_ = *std::move(lease);
  }
}

TEST_F(RootfsTest, ATargetThatIsNotThereIsAnErrorAndLeavesNothing) {
  const absl::Status status = store_->MountRootfs(lease_.chain_ids(), "c", dir_ + "/none");
  EXPECT_THAT(std::string(status.message()), HasSubstr(dir_ + "/none"));
  EXPECT_EQ(Rows(), 0);
  EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
}

TEST_F(RootfsTest, ALayerThatIsNotThereIsAnErrorAndLeavesNothing) {
  EXPECT_FALSE(store_->MountRootfs({lease_.chain_ids()[0], "sha256:none"}, "c", target_).ok());
  EXPECT_EQ(Rows(), 0);
  EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
}

TEST_F(RootfsTest, ASecondRootFileSystemOfAContainerIsRefusedAndTheFirstStays) {
  ASSERT_EQ(store_->MountRootfs(lease_.chain_ids(), "c", target_), absl::OkStatus());
  EXPECT_FALSE(store_->MountRootfs(lease_.chain_ids(), "c", target_).ok());
  EXPECT_EQ(ListTree(target_).count("a"), 1u);
  EXPECT_EQ(Rows(), 2);
}

TEST_F(RootfsTest, ADaemonThatDiedBeforeTheMountLeavesNoRecord) {
  ASSERT_EQ(database_->Run("INSERT INTO rootfs_layers (container_id, position, chain_id) VALUES ('dead', 0, ?)",
                           lease_.chain_ids()[0]),
            absl::OkStatus());
  OpenStore();
  EXPECT_EQ(Rows(), 0);
}

TEST_F(RootfsTest, AnImageWithoutLayersIsAnEmptyRoot) {
  for (const bool read_only : {false, true}) {
    for (const bool shifted : {false, true}) {
      RootfsOptions options;
      options.read_only = read_only;
      if (shifted) options.id_map = IdMap{{{0, 100000, 1000}}, {{0, 200000, 1000}}};
      ASSERT_EQ(store_->MountRootfs({}, "c", target_, options), absl::OkStatus()) << read_only << shifted;
      EXPECT_EQ(ListTree(target_).size(), 1u);
      EXPECT_EQ(ListTree(target_).at(""), shifted ? "040755 100000:200000" : "040755 0:0");
      EXPECT_EQ(WriteFileAt(AT_FDCWD, target_ + "/new", "", 0644).ok(), !read_only);
      EXPECT_FALSE(store_->MountRootfs({}, "c", target_).ok()) << "a second one of the same container";
      OpenStore();
      EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus());
      EXPECT_THAT(Names(layout_->Containers()), SizeIs(0));
    }
  }
}

TEST_F(RootfsTest, FiveHundredLayersCanBeMounted) {
  std::vector<LayerDescriptor> layers;
  for (int i = 0; i < 500; ++i) {
    TarBuilder tar;
    tar.File(absl::StrCat("f", i), "x").File("all", absl::StrCat(i)).Dir("d").File("d/deep", absl::StrCat(i));
    layers.push_back(source_.AddGzip(tar));
  }
  const auto lease = Unpack(layers, 0);
  ASSERT_EQ(lease.status(), absl::OkStatus());
  RootfsOptions writable, read_only, shifted;
  read_only.read_only = true;
  shifted.id_map = IdMap{{{0, 100000, 1000}}, {{0, 200000, 1000}}};
  for (const size_t count : {128u, 200u, 500u}) {
    const std::vector<std::string> ids(lease->chain_ids().begin(),
                                       lease->chain_ids().begin() + static_cast<long>(count));
    for (const RootfsOptions& options : {writable, read_only, shifted}) {
      SCOPED_TRACE(absl::StrCat(count, options.read_only ? " read-only" : options.id_map ? " shifted" : ""));
      ASSERT_EQ(store_->MountRootfs(ids, "c", target_, options), absl::OkStatus());
      EXPECT_EQ(ListTree(target_).size(), count + 4);
      EXPECT_EQ(*ReadFileAt(AT_FDCWD, target_ + "/d/deep", 100), absl::StrCat(count - 1));
      EXPECT_EQ(*ReadFileAt(AT_FDCWD, target_ + "/all", 100), absl::StrCat(count - 1));
      EXPECT_THAT(ListTree(target_).at("f0"), HasSubstr(options.id_map ? "100644 100000:200000" : "100644 0:0"));
      EXPECT_FALSE(Exists(layout_->Container("c") + "/shifted"));
      EXPECT_EQ(store_->ReleaseRootfs("c", target_), absl::OkStatus());
    }
  }
}

TEST_F(RootfsTest, ALayerThatAnImageHasTwiceIsMountedOnce) {
  const LayerDescriptor twice = source_.AddGzip(TarBuilder().Dir("d").File("d/a", "twice").File("only", "x"));
  const LayerDescriptor between =
      source_.AddGzip(TarBuilder().Dir("d").File("d/a", "between").File(".wh.only", "").File("d/b", "b"));
  const auto lease = Unpack({twice, between, twice}, 1);
  ASSERT_EQ(lease.status(), absl::OkStatus());
  EXPECT_EQ(source_.fetches(twice), 1);
  ASSERT_EQ(store_->MountRootfs(lease->chain_ids(), "c", target_), absl::OkStatus());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, target_ + "/d/a", 100), "twice");
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, target_ + "/d/b", 100), "b");
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, target_ + "/only", 100), "x");
  EXPECT_EQ(ListTree(target_).size(), 5u);
}

}  // namespace
}  // namespace crisp
