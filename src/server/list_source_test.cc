#include "server/list_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "api/cri/cri.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The number of containers in each message, for ids of these lengths.
std::vector<int> ChunkSizes(const std::vector<size_t>& id_lengths, size_t limit) {
  std::vector<cri::Container> items;
  for (const size_t length : id_lengths) items.emplace_back().set_id(std::string(length, 'c'));
  std::vector<int> sizes;
  for (const cri::StreamContainersResponse& message : InChunks<cri::StreamContainersResponse>(
           std::move(items), limit, [](cri::StreamContainersResponse& m) { return m.mutable_containers(); })) {
    EXPECT_TRUE(message.containers_size() == 1 || message.ByteSizeLong() <= limit);
    sizes.push_back(message.containers_size());
  }
  return sizes;
}

TEST(InChunksTest, MessagesStayBelowTheLimitUnlessOneItemIsBigger) {
  EXPECT_THAT(ChunkSizes({}, 100), IsEmpty());
  EXPECT_THAT(ChunkSizes({10, 10, 10}, 1000), ElementsAre(3));
  EXPECT_THAT(ChunkSizes({64, 64, 64}, 160), ElementsAre(2, 1));
  EXPECT_THAT(ChunkSizes({10, 500, 10}, 100), ElementsAre(1, 1, 1));
}

using Source = ListSource<cri::StreamContainersResponse>;

class ListSourceTest : public testing::Test {
 protected:
  ~ListSourceTest() override {
    if (!release_.HasBeenNotified()) release_.Notify();
  }

  std::vector<cri::StreamContainersResponse> Build() {
    ++built_;
    return std::vector<cri::StreamContainersResponse>(2);
  }
  std::unique_ptr<Source> Start() {
    return Source::Start(
        &workers_, [this] { return Build(); }, [this] { ++wakes_; });
  }

  absl::Notification release_;
  std::atomic<int> built_{0};
  std::atomic<int> wakes_{0};
  WorkerPool workers_{1, /*most_waiting=*/1};
};

TEST_F(ListSourceTest, HasNoEndBeforeTheListIsBuiltAndThenWakes) {
  workers_.Run([this] { release_.WaitForNotification(); });
  const std::unique_ptr<Source> source = Start();
  EXPECT_EQ(source->Next(), nullptr);
  EXPECT_EQ(source->End(), std::nullopt);
  EXPECT_EQ(wakes_, 0);
  release_.Notify();
  workers_.Wait();
  EXPECT_EQ(wakes_, 1);
  EXPECT_NE(source->Next(), nullptr);
  EXPECT_NE(source->Next(), nullptr);
  EXPECT_EQ(source->Next(), nullptr);
  EXPECT_EQ(source->End(), absl::OkStatus());
}

TEST_F(ListSourceTest, AListThatNobodyWaitsForIsNotBuilt) {
  workers_.Run([this] { release_.WaitForNotification(); });
  Start().reset();
  release_.Notify();
  workers_.Wait();
  EXPECT_EQ(built_, 0);
}

TEST_F(ListSourceTest, ARefusedListEndsAtOnce) {
  workers_.Stop();
  const std::unique_ptr<Source> source = Start();
  EXPECT_EQ(source->Next(), nullptr);
  EXPECT_EQ(source->End()->code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace crisp
