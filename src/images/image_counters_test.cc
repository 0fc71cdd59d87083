// What pulls leave in ImageCounters.
#include "images/image_counters.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/counted.h"
#include "base/testing/wait.h"
#include "images/testing/images_test.h"
#include "os/file.h"

namespace crisp {
namespace {

class ImageCountersTest : public ImagesTest {
 protected:
  const ImageCounters& counters() const { return images_->counters(); }
  uint64_t Pulls(const std::string& result) const { return Counted(counters().pulls, result); }
  uint64_t Requests(const std::string& code) const {
    uint64_t count = 0;
    counters().requests.ForEach([&](const std::string& host, const ImageCounters::Host& answers) {
      EXPECT_EQ(host, registry_.host());
      count += Counted(answers.codes, code);
    });
    return count;
  }
  void AlwaysAnswer(int status) {
    registry_.SetHandler([status](const FakeRequest&) { return FakeReply{.status = status}; });
  }
};

TEST_F(ImageCountersTest, APullCountsWhatItHasReceivedAndWritten) {
  Serve(Describe("x", Noise(100000), 2), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  EXPECT_EQ(Pulls("ok"), 1u);
  EXPECT_EQ(Counted(counters().pull_times), 1u);
  EXPECT_EQ(counters().layers_unpacked.value(), 2u);
  EXPECT_EQ(Counted(counters().unpack_times), 2u);
  EXPECT_EQ(counters().layers_reused.value(), 0u);
  EXPECT_GT(counters().received_bytes.value(), 200000u);
  EXPECT_LT(counters().received_bytes.value(), 220000u);
  EXPECT_GT(counters().written_bytes.value(), 200000u) << "in whole blocks";
  EXPECT_EQ(Requests("200"), 4u) << "manifest, config, two layers";
}

TEST_F(ImageCountersTest, LayersThatTheNodeHasAreReused) {
  ImageDescription image = Describe("x", "shared", 2);
  Serve(image, "app", "1");
  image.layers.push_back({.entries = {FileEntry("more", "own")}});
  Serve(image, "app", "2");
  ASSERT_TRUE(Pull("app:1").ok());
  ASSERT_TRUE(Pull("app:2").ok());
  EXPECT_EQ(counters().layers_unpacked.value(), 3u);
  EXPECT_EQ(counters().layers_reused.value(), 2u);
}

TEST_F(ImageCountersTest, APullThatFailsIsCountedByItsCause) {
  Serve(Describe("x", "hello"), "app", "1");
  EXPECT_FALSE(Pull("app:missing").ok());
  EXPECT_EQ(Pulls("not_found"), 1u);
  AlwaysAnswer(401);
  EXPECT_FALSE(Pull("app:1").ok());
  AlwaysAnswer(403);
  EXPECT_FALSE(Pull("app:1").ok());
  EXPECT_EQ(Pulls("denied"), 2u);
  AlwaysAnswer(503);
  EXPECT_FALSE(Pull("app:1").ok());
  EXPECT_EQ(Pulls("unavailable"), 1u);
  EXPECT_EQ(Requests("503"), 3u);
  EXPECT_EQ(counters().retries.value(), 2u);
  registry_.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, "/manifests/")) return std::nullopt;
    return FakeReply{.headers = {{"Content-Type", "text/plain"}}, .body = R"({"schemaVersion":2,"layers":7})"};
  });
  EXPECT_FALSE(Pull("app:1").ok());
  EXPECT_EQ(Pulls("error"), 1u);
  EXPECT_EQ(Counted(counters().pull_times), 0u);
}

TEST_F(ImageCountersTest, APullForWhichThereIsNoRoomIsCountedSo) {
  ASSERT_EQ(mount("tmpfs", layout_.Ingests().c_str(), "tmpfs", 0, "size=64k"), 0);
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  EXPECT_FALSE(Pull("app:1").ok());
  EXPECT_EQ(Pulls("no_space"), 1u);
  EXPECT_EQ(umount2(layout_.Ingests().c_str(), MNT_DETACH), 0);
}

TEST_F(ImageCountersTest, ADamagedLayerIsCountedSo) {
  const std::string layer = Serve(Describe("x", Noise(1000)), "app", "1").layer_digests.front();
  std::string bytes =
      *ReadFileAt(AT_FDCWD, absl::StrCat(dir_.path(), "/layout1/blobs/sha256/", layer.substr(7)), 1 << 20);
  bytes[bytes.size() / 2] ^= 1;
  registry_.SetHandler([=](const FakeRequest& request) -> std::optional<FakeReply> {
    return absl::StrContains(request.path, layer) ? std::make_optional(FakeReply{.body = bytes}) : std::nullopt;
  });
  EXPECT_FALSE(Pull("app:1").ok());
  EXPECT_EQ(Pulls("damaged"), 1u);
}

TEST_F(ImageCountersTest, CallersThatJoinAPullAreNotPulls) {
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  HoldBlobs();
  std::vector<std::future<absl::StatusOr<std::string>>> pulls;
  for (int i = 0; i < 3; ++i) pulls.push_back(std::async(std::launch::async, [&] { return Pull("app:1"); }));
  EXPECT_TRUE(Eventually([this] { return counters().joined_pulls.value() == 2; }));
  released_.set_value();
  for (auto& pull : pulls) EXPECT_TRUE(pull.get().ok());
  EXPECT_EQ(Pulls("ok"), 1u);
}

TEST_F(ImageCountersTest, APullThatEverybodyHasLeftIsCancelled) {
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  HoldBlobs();
  EXPECT_FALSE(Pull("app:1", CallContext::WithTimeout(std::chrono::milliseconds(1))).ok());
  released_.set_value();
  EXPECT_TRUE(Eventually([this] { return Pulls("cancelled") == 1; }));
}

}  // namespace
}  // namespace crisp
