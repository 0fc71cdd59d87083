#include "stats/layer_disk.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/testing/wait.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

TEST(LayerDiskTest, TellsTheSizeOfItsFileSystem) {
  const LayerFileSystem told = LayerDisk("/").Read();
  EXPECT_FALSE(told.device.empty());
  EXPECT_GT(told.bytes, 0u);
  EXPECT_EQ(LayerDisk("/no/such/directory").Read().bytes, 0u);
}

TEST(LayerDiskTest, OfAFileSystemThatHangsItTellsWhatItKnows) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<uint64_t> asked = 0;
  LayerDisk disk(
      [&] {
        const uint64_t count = ++asked;
        if (count == 2) released.wait();
        return LayerFileSystem{.device = "/dev/sda", .bytes = count};
      },
      milliseconds(20));
  ASSERT_TRUE(Eventually([&] { return disk.Read().bytes == 1; }));
  EXPECT_EQ(disk.Read().bytes, 1u);
  EXPECT_EQ(disk.Read().bytes, 1u);
  EXPECT_EQ(asked, 2u) << "it is not asked again while it hangs";
  release.set_value();
  EXPECT_TRUE(Eventually([&] { return disk.Read().bytes > 1; }));
}

}  // namespace
}  // namespace crisp
