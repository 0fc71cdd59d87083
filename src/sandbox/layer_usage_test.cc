#include "sandbox/layer_usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class LayerUsageTest : public testing::Test {
 protected:
  LayerUsage::Layer Make(const std::string& id, int files) {
    const std::string directory = absl::StrCat(dir_, "/", id);
    EXPECT_TRUE(MakeDirs(directory, 0755).ok());
    for (int i = 0; i < files; ++i) {
      EXPECT_TRUE(WriteFileAt(AT_FDCWD, absl::StrCat(directory, "/", i), std::string(5000, 'x'), 0644).ok());
    }
    return {id, directory};
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(LayerUsageTest, TheFirstAnswerIsMeasuredAlready) {
  LayerUsage usage;
  const auto measured = usage.Get({Make("a", 3), Make("b", 0)});
  ASSERT_EQ(measured.size(), 2u);
  ASSERT_TRUE(measured[0]);
  EXPECT_EQ(measured[0]->usage.inodes, 4u);
  EXPECT_GE(measured[0]->usage.bytes, 15000u);
  EXPECT_GT(measured[0]->at, 0);
  ASSERT_TRUE(measured[1]);
  EXPECT_EQ(measured[1]->usage.inodes, 1u);
}

TEST_F(LayerUsageTest, AnAnswerIsKeptForAWhileAndThenRenewedBehind) {
  LayerUsage usage;
  const LayerUsage::Layer layer = Make("a", 1);
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 2u);
  Make("a", 5);
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 2u) << "fresh enough";
  std::this_thread::sleep_for(LayerUsage::kFreshFor);
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 2u) << "old, but nobody waits";
  const MonoTime end = MonoClock::now() + std::chrono::seconds(5);
  while (usage.Get({layer})[0]->usage.inodes != 6 && MonoClock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 6u);
}

TEST_F(LayerUsageTest, ALayerThatIsNotThereHasNoAnswerAndHoldsUpNobody) {
  LayerUsage usage;
  const auto measured = usage.Get({{"gone", dir_ + "/gone"}, Make("a", 0)});
  EXPECT_FALSE(measured[0]);
  EXPECT_TRUE(measured[1]);
}

TEST_F(LayerUsageTest, WhatIsForgottenIsMeasuredAnew) {
  LayerUsage usage;
  const LayerUsage::Layer layer = Make("a", 1);
  usage.Get({layer});
  Make("a", 2);
  usage.Forget("a");
  usage.Forget("never seen");
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 3u);
}

}  // namespace
}  // namespace crisp
