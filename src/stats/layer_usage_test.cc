#include "stats/layer_usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "sandbox/container.h"

namespace crisp {
namespace {

// However busy the machine is.
constexpr std::chrono::seconds kPatience{30};

class LayerUsageTest : public testing::Test {
 protected:
  std::shared_ptr<Container> ContainerOf(const std::string& id) {
    std::shared_ptr<Container>& container = containers_[id];
    if (container != nullptr) return container;
    ContainerRecord record;
    record.set_id(id);
    return container = std::make_shared<Container>(record, Container::State::kCreated);
  }

  LayerUsage::Layer Make(const std::string& id, int files) {
    const std::string directory = absl::StrCat(dir_, "/", id);
    EXPECT_TRUE(MakeDirs(directory, 0755).ok());
    for (int i = 0; i < files; ++i) {
      EXPECT_TRUE(WriteFileAt(AT_FDCWD, absl::StrCat(directory, "/", i), std::string(5000, 'x'), 0644).ok());
    }
    return {ContainerOf(id), directory};
  }

  std::map<std::string, std::shared_ptr<Container>> containers_;
  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(LayerUsageTest, TheFirstAnswerIsMeasuredAlready) {
  LayerUsage usage(kPatience);
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
  LayerUsage usage(kPatience);
  const LayerUsage::Layer layer = Make("a", 1);
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 2u);
  Make("a", 5);
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 2u) << "fresh enough";
  LetTimePass(LayerUsage::kFreshFor);
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 2u) << "old, but nobody waits";
  EXPECT_TRUE(Eventually([&] { return usage.Get({layer})[0]->usage.inodes == 6; }));
}

TEST_F(LayerUsageTest, ALayerThatIsNotThereHasNoAnswerAndHoldsUpNobody) {
  LayerUsage usage(kPatience);
  const auto measured = usage.Get({{ContainerOf("gone"), dir_ + "/gone"}, Make("a", 0)});
  EXPECT_FALSE(measured[0]);
  EXPECT_TRUE(measured[1]);
}

TEST_F(LayerUsageTest, WhatIsForgottenIsMeasuredAnew) {
  LayerUsage usage(kPatience);
  const LayerUsage::Layer layer = Make("a", 1);
  usage.Get({layer});
  Make("a", 2);
  usage.Forget("a");
  usage.Forget("never seen");
  EXPECT_EQ(usage.Get({layer})[0]->usage.inodes, 3u);
}

TEST_F(LayerUsageTest, ARemovedContainerIsNotMeasuredAgain) {
  LayerUsage usage(kPatience);
  const LayerUsage::Layer layer = Make("a", 1);
  usage.Get({layer});
  ASSERT_TRUE(ContainerOf("a")->MoveTo(Container::State::kRemoving));
  ASSERT_TRUE(ContainerOf("a")->MoveTo(Container::State::kRemoved));
  usage.Forget("a");
  EXPECT_FALSE(usage.Get({layer})[0]) << "a call that had found the container before it was removed";
}

}  // namespace
}  // namespace crisp
