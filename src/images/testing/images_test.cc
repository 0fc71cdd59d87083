#include "images/testing/images_test.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "os/file.h"

namespace crisp {

using testing::IsEmpty;

ImageDescription Describe(const std::string& reference, const std::string& content, size_t layers) {
  ImageDescription image;
  image.reference = reference;
  for (size_t i = 0; i < layers; ++i) {
    image.layers.push_back({.entries = {DirectoryEntry("srv"), FileEntry(absl::StrCat("srv/", i), content)}});
  }
  image.config.user = "1000";
  image.config.env = {"A=b"};
  image.config.cmd = {"/srv/0"};
  return image;
}

std::string Noise(size_t size) {
  std::string noise(size, '\0');
  uint64_t state = 88172645463325252u;
  for (char& byte : noise) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return noise;
}

void ImagesTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount and to give files away";
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_TRUE(MakeDirs(layout_.root(), 0711).ok());
  Open();
}

void ImagesTest::Open() {
  images_.reset();
  database_.reset();
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(layout_.Database());
  ASSERT_TRUE(database.ok()) << database.status();
  database_ = *std::move(database);
  absl::StatusOr<std::unique_ptr<NodeImages>> images = NodeImages::Open(layout_, database_.get(), options_);
  ASSERT_TRUE(images.ok()) << images.status();
  images_ = *std::move(images);
}

WrittenImage ImagesTest::Serve(const ImageDescription& image, const std::string& repository, const std::string& tag) {
  const std::string layout = absl::StrCat(dir_.path(), "/layout", ++layouts_);
  absl::StatusOr<std::vector<WrittenImage>> written = WriteImageLayout(layout, {image});
  EXPECT_TRUE(written.ok()) << written.status();
  registry_.AddLayout(layout, repository, tag);
  return written->front();
}

int64_t ImagesTest::Rows(const std::string& table) {
  int64_t count = -1;
  EXPECT_TRUE(database_->Query("SELECT COUNT(*) FROM " + table, [&](const Row& row) { count = row.Int(0); }).ok());
  return count;
}

void ImagesTest::ExpectNothingHere() {
  EXPECT_THAT(images_->List(), IsEmpty());
  for (const std::string table : {"images", "image_names", "image_layers", "layers", "rootfs_layers"}) {
    EXPECT_EQ(Rows(table), 0) << table;
  }
  EXPECT_THAT(*ListDir(layout_.Layers()), IsEmpty());
  EXPECT_THAT(*ListDir(layout_.Ingests()), IsEmpty());
}

void ImagesTest::WaitForNothingHere() {
  Eventually([&] { return ListDir(layout_.Ingests())->empty() && ListDir(layout_.Layers())->empty(); });
  ExpectNothingHere();
}

void ImagesTest::HoldBlobs() {
  released_ = std::promise<void>();
  registry_.SetHandler([this, release = std::shared_future<void>(released_.get_future())](
                           const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, "/blobs/") || !request.Header("range").empty()) return std::nullopt;
    ++held_;
    release.wait();
    return std::nullopt;
  });
}

void ImagesTest::HangIn(const std::string& layer) {
  const std::string blob =
      *ReadFileAt(AT_FDCWD, absl::StrCat(dir_.path(), "/layout1/blobs/sha256/", layer.substr(7)), 64 << 20);
  registry_.SetHandler([this, layer, blob](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, layer)) return std::nullopt;
    ++held_;
    return FakeReply{.headers = {{"Content-Length", absl::StrCat(blob.size())}},
                     .body = blob.substr(0, blob.size() / 2),
                     .hang = true};
  });
}

void ImagesTest::WaitUntilHeld() {
  EXPECT_TRUE(Eventually([&] { return held_ > 0; }));
}

}  // namespace crisp
