#include "images/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/manifest.h"
#include "images/testing/test_registry.h"
#include "images/testing/tree_listing.h"
#include "os/file.h"
#include "os/mount.h"
#include "store/database.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";

std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

ImageDescription Describe(const std::string& reference, const std::string& content, size_t layers = 1) {
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

// Bytes that no compression makes smaller, so that a layer of them is long on its way.
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

class ImagesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount and to give files away";
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_TRUE(MakeDirs(layout_.root(), 0711).ok());
    Open();
  }

  void Open() {
    images_.reset();
    database_.reset();
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(layout_.Database());
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    absl::StatusOr<std::unique_ptr<Images>> images = Images::Open(layout_, database_.get(), options_);
    ASSERT_TRUE(images.ok()) << images.status();
    images_ = *std::move(images);
  }

  // Makes the registry serve `image` as repository:tag.
  WrittenImage Serve(const ImageDescription& image, const std::string& repository, const std::string& tag) {
    const std::string layout = absl::StrCat(dir_.path(), "/layout", ++layouts_);
    absl::StatusOr<std::vector<WrittenImage>> written = WriteImageLayout(layout, {image});
    EXPECT_TRUE(written.ok()) << written.status();
    registry_.AddLayout(layout, repository, tag);
    return written->front();
  }

  std::string Ref(const std::string& rest) { return registry_.host() + "/" + rest; }
  absl::StatusOr<std::string> Pull(const std::string& rest, const Call& call = Call()) {
    return images_->Pull(Ref(rest), {}, call);
  }

  int64_t Rows(const std::string& table) {
    int64_t count = -1;
    EXPECT_TRUE(database_->Query("SELECT COUNT(*) FROM " + table, [&](const Row& row) { count = row.Int(0); }).ok());
    return count;
  }

  void ExpectNothingHere() {
    EXPECT_THAT(images_->List(), IsEmpty());
    for (const std::string table : {"images", "image_names", "image_layers", "layers", "rootfs_layers"}) {
      EXPECT_EQ(Rows(table), 0) << table;
    }
    EXPECT_THAT(*ListDir(layout_.Layers()), IsEmpty());
    EXPECT_THAT(*ListDir(layout_.Ingests()), IsEmpty());
  }

  // A pull that is being given up ends soon, but after its callers.
  void WaitForNothingHere() {
    Eventually([&] { return ListDir(layout_.Ingests())->empty() && ListDir(layout_.Layers())->empty(); });
    ExpectNothingHere();
  }

  // Holds back the second half of each blob until Release.
  void HoldBlobs() {
    released_ = std::promise<void>();
    registry_.SetHandler([this, release = std::shared_future<void>(released_.get_future())](
                             const FakeRequest& request) -> std::optional<FakeReply> {
      if (!absl::StrContains(request.path, "/blobs/") || !request.Header("range").empty()) return std::nullopt;
      ++held_;
      release.wait();
      return std::nullopt;
    });
  }
  // Sends half of this layer, and then nothing more.
  void HangIn(const std::string& layer) {
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
  void WaitUntilHeld() {
    EXPECT_TRUE(Eventually([&] { return held_ > 0; }));
  }

  TestDir dir_;
  Layout layout_{dir_.path() + "/root", dir_.path() + "/state", true};
  FakeRegistry registry_;
  ImagesOptions options_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Images> images_;
  std::promise<void> released_;
  std::atomic<int> held_{0};
  int layouts_ = 0;
};

TEST_F(ImagesTest, AnImageFromARealRegistryBecomesARootFileSystem) {
  if (!RealRegistry::Installed()) GTEST_SKIP() << "needs docker-registry and skopeo";
  RealRegistry real;
  const std::string layout = dir_.path() + "/layout";
  const WrittenImage written = WriteImageLayout(layout, {Describe("app:1", "hello", 2)})->front();
  ASSERT_TRUE(real.Push(layout, "app:1", "team/app:1").ok());
  const std::string name = real.host() + "/team/app:1";
  const absl::StatusOr<std::string> id = images_->Pull(name, {}, Call());
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, written.config_digest);

  const std::string target = dir_.path() + "/rootfs";
  ASSERT_TRUE(MakeDirs(target, 0755).ok());
  ASSERT_TRUE(images_->MountRootfs(*id, "container", target, {}).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, target + "/srv/1", 100), "hello");
  EXPECT_GT(images_->Usage()->inodes_used, 0u);
  // Removed while in use: the image goes, its layers stay until the container has gone.
  ASSERT_TRUE(images_->Remove(name).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, target + "/srv/0", 100), "hello");
  EXPECT_EQ(images_->Find(name), nullptr);
  ASSERT_TRUE(images_->ReleaseRootfs("container", target).ok());
  ExpectNothingHere();
}

TEST_F(ImagesTest, APullByTagGivesATagAndADigest) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  ASSERT_EQ(*Pull("app:1"), written.config_digest);
  const std::shared_ptr<const Image> image = images_->Find(Ref("app:1"));
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->id, written.config_digest);
  EXPECT_THAT(image->repo_tags, ElementsAre(Ref("app:1")));
  EXPECT_THAT(image->repo_digests, ElementsAre(Ref("app@" + written.digest)));
  EXPECT_EQ(image->config.user, "1000");
  EXPECT_EQ(DigestOf(image->config_json), image->id);
  uint64_t size = image->config_json.size();
  const nlohmann::json manifest = nlohmann::json::parse(
      *ReadFileAt(AT_FDCWD, absl::StrCat(dir_.path(), "/layout1/blobs/sha256/", written.digest.substr(7)), 100000));
  for (const auto& layer : manifest["layers"]) size += layer["size"].get<uint64_t>();
  EXPECT_EQ(image->size, size);
  EXPECT_EQ(registry_.requests().size(), 3u) << "manifest, config, layer";
}

TEST_F(ImagesTest, APullByDigestGivesNoTag) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  ASSERT_TRUE(Pull("app:ignored@" + written.digest).ok());
  const std::shared_ptr<const Image> image = images_->Find(Ref("app@" + written.digest));
  ASSERT_NE(image, nullptr);
  EXPECT_THAT(image->repo_tags, IsEmpty());
  EXPECT_THAT(image->repo_digests, ElementsAre(Ref("app@" + written.digest)));
}

TEST_F(ImagesTest, AnIndexLeadsToTheImageOfThisMachine) {
  ImageDescription description = Describe("x", "hello");
  description.with_index = true;
  for (const ManifestFormat format : {ManifestFormat::kOci, ManifestFormat::kDockerSchema2}) {
    description.format = format;
    const WrittenImage written = Serve(description, "app", "1");
    ASSERT_NE(written.digest, written.manifest_digest);
    const absl::StatusOr<std::string> id = Pull("app:1");
    ASSERT_TRUE(id.ok()) << id.status();
    const std::shared_ptr<const Image> image = images_->Find(*id);
    EXPECT_THAT(image->repo_digests, testing::Contains(Ref("app@" + written.digest)));
  }
}

TEST_F(ImagesTest, AnIdIsNoNameOfAnotherImage) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  const std::string id = *Pull("app:1");
  Serve(Describe("y", "not this one"), "library/sha256", id.substr(id.find(':') + 1));
  options_.registry.mirrors["docker.io"] = {"http://" + registry_.host()};
  Open();
  const auto false_friend = images_->Pull("docker.io/library/" + id, {}, Call());
  ASSERT_TRUE(false_friend.ok()) << false_friend.status();
  ASSERT_NE(*false_friend, id);
  EXPECT_EQ(images_->Find(id)->id, id);
  EXPECT_EQ(images_->Find("docker.io/library/" + id)->id, *false_friend);
}

TEST_F(ImagesTest, ManyNamesOfOneImageAreOneImage) {
  Serve(Describe("x", "hello"), "app", "2");
  Serve(Describe("x", "hello"), "app", "1");
  Serve(Describe("x", "hello"), "other/app", "3");
  for (const std::string name : {"app:2", "other/app:3", "app:1"}) ASSERT_TRUE(Pull(name).ok());
  ASSERT_EQ(images_->List().size(), 1u);
  const std::shared_ptr<const Image> image = images_->List()[0];
  EXPECT_THAT(image->repo_tags, ElementsAre(Ref("app:1"), Ref("app:2"), Ref("other/app:3")));
  EXPECT_EQ(image->repo_digests.size(), 2u);
  EXPECT_EQ(images_->Find(Ref("app:2")), image);

  ASSERT_TRUE(images_->Remove(Ref("other/app:3")).ok());
  ExpectNothingHere();
}

TEST_F(ImagesTest, ATagThatMovedTakesItsNameAlong) {
  const WrittenImage first = Serve(Describe("x", "first"), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  const WrittenImage second = Serve(Describe("x", "second"), "app", "1");
  ASSERT_EQ(*Pull("app:1"), second.config_digest);
  EXPECT_EQ(images_->List().size(), 2u);
  EXPECT_THAT(images_->Find(first.config_digest)->repo_tags, IsEmpty());
  EXPECT_THAT(images_->Find(first.config_digest)->repo_digests, ElementsAre(Ref("app@" + first.digest)));
  EXPECT_THAT(images_->Find(second.config_digest)->repo_tags, ElementsAre(Ref("app:1")));
}

TEST_F(ImagesTest, APullOfWhatIsHereAsksTheRegistryOnlyForTheDigest) {
  Serve(Describe("x", "hello"), "app", "1");
  const std::string id = *Pull("app:1");
  registry_.ForgetRequests();
  EXPECT_EQ(*Pull("app:1"), id);
  EXPECT_EQ(registry_.requests().size(), 1u);
  EXPECT_EQ(registry_.Count("HEAD "), 1);
  // And it is the registry that says who may have it.
  registry_.SetHandler([](const FakeRequest&) { return FakeReply{.status = 403}; });
  EXPECT_EQ(Pull("app:1").status().code(), absl::StatusCode::kPermissionDenied);
  // One that knows no HEAD is asked in full.
  registry_.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.method == "HEAD") return FakeReply{.status = 405};
    return std::nullopt;
  });
  EXPECT_EQ(*Pull("app:1"), id);
}

TEST_F(ImagesTest, SharedLayersAreFetchedOnce) {
  const WrittenImage base = Serve(Describe("x", "hello", 1), "base", "1");
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("base:1").ok());
  ASSERT_TRUE(Pull("app:1").ok());
  EXPECT_EQ(registry_.Count("/blobs/" + base.layer_digests[0]), 1);
  ASSERT_TRUE(images_->Remove(Ref("base:1")).ok());
  EXPECT_EQ(Rows("layers"), 2);
  ASSERT_TRUE(images_->Remove(Ref("app:1")).ok());
  ExpectNothingHere();
}

TEST_F(ImagesTest, ImagesAreFoundByNameIdAndPrefix) {
  Serve(Describe("x", "hello"), "app", "latest");
  const std::string id = *Pull("app");
  const std::string hex = id.substr(7);
  for (const std::string& name : {Ref("app"), Ref("app:latest"), id, hex, hex.substr(0, 12), id.substr(0, 20)}) {
    ASSERT_NE(images_->Find(name), nullptr) << name;
    EXPECT_EQ(images_->Find(name)->id, id);
  }
  for (const std::string& name : {Ref("app:2"), std::string(), std::string("sha256:"), "g" + hex, hex + "0",
                                  std::string("app"), std::string("../x"), "sha256:" + DigestOf("x").substr(7)}) {
    EXPECT_EQ(images_->Find(name), nullptr) << name;
  }
}

TEST_F(ImagesTest, APrefixOfTwoIdsIsNobodys) {
  // With 17 images two of them share their first hex digit.
  std::map<char, int> count;
  for (int i = 0; i < 17; ++i) {
    Serve(Describe("x", absl::StrCat("content ", i)), "app", absl::StrCat(i));
    const absl::StatusOr<std::string> id = Pull(absl::StrCat("app:", i));
    ASSERT_TRUE(id.ok()) << id.status();
    ++count[(*id)[7]];
  }
  for (const auto& [digit, images] : count) {
    EXPECT_EQ(images_->Find(std::string(1, digit)) != nullptr, images == 1) << digit;
  }
  const auto list = images_->List();
  EXPECT_TRUE(std::is_sorted(list.begin(), list.end(), [](const auto& a, const auto& b) { return a->id < b->id; }));
}

TEST_F(ImagesTest, RemovingFiveTimesAtOnceIsFine) {
  Serve(Describe("x", "hello"), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  std::vector<std::future<absl::Status>> removals;
  for (int i = 0; i < 5; ++i) {
    removals.push_back(std::async(std::launch::async, [&] { return images_->Remove(Ref("app:1")); }));
  }
  for (auto& removal : removals) EXPECT_EQ(removal.get(), absl::OkStatus());
  ExpectNothingHere();
  EXPECT_TRUE(images_->Remove("no/such:image").ok());
  EXPECT_TRUE(images_->Remove("not a reference").ok());
}

TEST_F(ImagesTest, AHundredPullsOfOneImageAreOne) {
  const WrittenImage written = Serve(Describe("x", Noise(1 << 20), 3), "app", "1");
  HoldBlobs();
  std::vector<std::future<absl::StatusOr<std::string>>> pulls;
  for (int i = 0; i < 100; ++i) {
    pulls.push_back(std::async(std::launch::async, [&] { return Pull("app:1"); }));
  }
  WaitUntilHeld();
  released_.set_value();
  for (auto& pull : pulls) EXPECT_EQ(*pull.get(), written.config_digest);
  EXPECT_EQ(registry_.Count("GET /v2/app/manifests/"), 1);
  for (const std::string& layer : written.layer_digests) EXPECT_EQ(registry_.Count("/blobs/" + layer), 1);
}

TEST_F(ImagesTest, DifferentCredentialsDoNotShareAPull) {
  Serve(Describe("x", "hello"), "app", "1");
  registry_.SetHandler([this, release = std::shared_future<void>(released_.get_future())](
                           const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.Header("authorization").empty()) {
      return FakeReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    ++held_;
    if (absl::StrContains(request.path, "/blobs/")) release.wait();
    return std::nullopt;
  });
  auto allowed = std::async(std::launch::async, [&] {
    return images_->Pull(Ref("app:1"), {.username = "user", .password = "password"}, Call());
  });
  WaitUntilHeld();
  EXPECT_EQ(Pull("app:1").status().code(), absl::StatusCode::kUnauthenticated);
  released_.set_value();
  EXPECT_TRUE(allowed.get().ok());
}

TEST_F(ImagesTest, NoMoreLayersAtOnceThanAllowed) {
  options_.registry.max_concurrent_downloads = 2;
  Open();
  Serve(Describe("x", "hello", 6), "app", "1");
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  registry_.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, "/blobs/")) return std::nullopt;
    most = std::max<int>(most, ++running);
    LetTimePass(milliseconds(30));  // in which a third one would come
    --running;
    return std::nullopt;
  });
  ASSERT_TRUE(Pull("app:1").ok());
  EXPECT_EQ(most, 2);
}

TEST_F(ImagesTest, ADeadlineOfAMillisecondLeavesNothing) {
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  HoldBlobs();
  const absl::Status status = Pull("app:1", Call::WithTimeout(milliseconds(1))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  released_.set_value();
  WaitForNothingHere();
}

TEST_F(ImagesTest, ACancelInTheMiddleLeavesNothing) {
  const WrittenImage written = Serve(Describe("x", Noise(4 << 20), 2), "app", "1");
  HangIn(written.layer_digests[1]);
  std::atomic<bool> gone{false};
  auto pull =
      std::async(std::launch::async, [&] { return Pull("app:1", Call(kNoDeadline, [&] { return gone.load(); })); });
  WaitUntilHeld();
  const MonoTime start = MonoClock::now();
  gone = true;
  EXPECT_EQ(pull.get().status().code(), absl::StatusCode::kCancelled);
  images_.reset();  // waits for the pull that nobody wants any more
  EXPECT_LT(MonoClock::now() - start, seconds(2));
  registry_.SetHandler(nullptr);
  EXPECT_THAT(*ListDir(layout_.Layers()), IsEmpty());
  EXPECT_THAT(*ListDir(layout_.Ingests()), IsEmpty());
  Open();
  ExpectNothingHere();
  EXPECT_TRUE(Pull("app:1").ok());
}

TEST_F(ImagesTest, WhoComesWhileAPullIsBeingGivenUpGetsHisImage) {
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  for (int i = 0; i < 20; ++i) {
    (void)Pull("app:1", Call::WithTimeout(milliseconds(1 + i % 5)));
    const absl::StatusOr<std::string> id = Pull("app:1");
    ASSERT_TRUE(id.ok()) << id.status();
    ASSERT_TRUE(images_->Remove(*id).ok());
  }
  ExpectNothingHere();
}

TEST_F(ImagesTest, AKillInTheMiddleIsSweptAtTheNextStart) {
  const WrittenImage written = Serve(Describe("x", Noise(2 << 20), 2), "app", "1");
  HangIn(written.layer_digests[1]);
  std::atomic<bool> gone{false};
  auto pull =
      std::async(std::launch::async, [&] { return Pull("app:1", Call(kNoDeadline, [&] { return gone.load(); })); });
  WaitUntilHeld();
  ASSERT_TRUE(Eventually([&] { return Rows("layers") == 1 && ListDir(layout_.Ingests())->size() == 1; }))
      << "one layer is not there, or the other one not half there";
  // What a kill now would leave on the disk.
  const std::string copy = dir_.path() + "/copy";
  EXPECT_TRUE(MakeDirs(copy, 0755).ok());
  std::filesystem::copy(layout_.root(), copy + "/root", std::filesystem::copy_options::recursive);
  gone = true;
  EXPECT_FALSE(pull.get().ok());
  images_.reset();

  layout_ = Layout(copy + "/root", copy + "/state", true);
  EXPECT_FALSE(ListDir(layout_.Ingests())->empty() && ListDir(layout_.Layers())->empty()) << "nothing to sweep";
  Open();
  ASSERT_NE(images_, nullptr);
  EXPECT_THAT(*ListDir(layout_.Ingests()), IsEmpty());
  EXPECT_THAT(images_->List(), IsEmpty());
  registry_.SetHandler(nullptr);
  ASSERT_TRUE(Pull("app:1").ok());
  ASSERT_TRUE(images_->Remove(Ref("app:1")).ok());
  ExpectNothingHere();
}

TEST_F(ImagesTest, ImagesAreThereAfterARestart) {
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  const std::shared_ptr<const Image> before = images_->List()[0];
  Open();
  ASSERT_EQ(images_->List().size(), 1u);
  const std::shared_ptr<const Image> after = images_->List()[0];
  EXPECT_EQ(after->id, before->id);
  EXPECT_EQ(after->repo_tags, before->repo_tags);
  EXPECT_EQ(after->repo_digests, before->repo_digests);
  EXPECT_EQ(after->size, before->size);
  EXPECT_EQ(after->config_json, before->config_json);
  EXPECT_EQ(after->config.cmd, before->config.cmd);
}

TEST_F(ImagesTest, WhatDoesNotFitTogetherIsRefusedAndLeavesNothing) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  const auto body = [&](const std::string& digest) {
    return *ReadFileAt(AT_FDCWD, absl::StrCat(dir_.path(), "/layout1/blobs/sha256/", digest.substr(7)), 1 << 20);
  };
  const nlohmann::json manifest = nlohmann::json::parse(body(written.digest));
  nlohmann::json config = nlohmann::json::parse(body(written.config_digest));
  const auto serve = [&](nlohmann::json changed, const nlohmann::json& changed_config) {
    changed["config"]["digest"] = registry_.AddBlob(changed_config.dump());
    changed["config"]["size"] = changed_config.dump().size();
    registry_.AddManifest("app", "bad", changed.dump(), kOciManifest);
  };
  const auto expect_refused = [&](const std::string& why) {
    const absl::Status status = Pull("app:bad").status();
    EXPECT_FALSE(status.ok()) << why;
    EXPECT_THAT(Text(status), AllOf(HasSubstr(why), HasSubstr(Ref("app:bad"))));
    ExpectNothingHere();
  };

  nlohmann::json other = config;
  other["rootfs"]["diff_ids"].push_back("sha256:" + std::string(64, '0'));
  serve(manifest, other);
  expect_refused("the manifest has 1 layers, the image config 2");
  other = config;
  other["rootfs"]["diff_ids"][0] = "sha256:" + std::string(64, '0');
  serve(manifest, other);
  expect_refused(written.layer_digests[0]);
  nlohmann::json wrong = manifest;
  wrong["layers"][0]["size"] = 5;
  serve(wrong, config);
  expect_refused("the manifest says 5");
  wrong = manifest;
  wrong["layers"][0]["digest"] = DigestOf("no such blob");
  serve(wrong, config);
  expect_refused("404");
  registry_.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, written.layer_digests[0])) return std::nullopt;
    return FakeReply{.body = std::string(manifest["layers"][0]["size"].get<size_t>(), 'x')};
  });
  serve(manifest, config);
  expect_refused(written.layer_digests[0]);
  registry_.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, "/manifests/")) return std::nullopt;
    return FakeReply{.headers = {{"Content-Type", kOciManifest}}, .body = manifest.dump()};
  });
  EXPECT_FALSE(Pull("app@" + DigestOf("another manifest")).ok());
  ExpectNothingHere();
}

// Builders write the machine that they ran on: where there was no choice, or the index has chosen, it is not believed.
TEST_F(ImagesTest, ThePlatformOfAConfigCountsWhereAnIndexDoesNotNameIt) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  const auto body = [&](const std::string& digest) {
    return *ReadFileAt(AT_FDCWD, absl::StrCat(dir_.path(), "/layout1/blobs/sha256/", digest.substr(7)), 1 << 20);
  };
  nlohmann::json config = nlohmann::json::parse(body(written.config_digest));
  config["architecture"] = "s390x";
  nlohmann::json manifest = nlohmann::json::parse(body(written.digest));
  manifest["config"]["digest"] = registry_.AddBlob(config.dump());
  manifest["config"]["size"] = config.dump().size();
  const std::string text = manifest.dump();
  const std::string digest = registry_.AddManifest("app", "alone", text, kOciManifest);
  nlohmann::json entry = {{"mediaType", kOciManifest}, {"digest", digest}, {"size", text.size()}};
  const auto serve_index = [&](const std::string& tag) {
    const nlohmann::json index = {{"schemaVersion", 2}, {"manifests", {entry}}};
    registry_.AddManifest("app", tag, index.dump(), "application/vnd.oci.image.index.v1+json");
  };
  serve_index("untold");
  entry["platform"] = {{"os", "linux"}, {"architecture", HostPlatform().architecture}};
  serve_index("told");
  EXPECT_THAT(Text(Pull("app:untold").status()), HasSubstr("linux/s390x"));
  ExpectNothingHere();
  EXPECT_TRUE(Pull("app:alone").ok());
  EXPECT_TRUE(Pull("app:told").ok());
}

TEST_F(ImagesTest, AMazeOfIndexesIsLeft) {
  std::string digest = DigestOf("the end");
  std::string body = "the end";
  for (int i = 0; i < 6; ++i) {
    const nlohmann::json index = {
        {"schemaVersion", 2},
        {"mediaType", "application/vnd.oci.image.index.v1+json"},
        {"manifests",
         {{{"mediaType", "application/vnd.oci.image.index.v1+json"}, {"digest", digest}, {"size", body.size()}}}}};
    body = index.dump();
    digest = registry_.AddManifest("app", "maze", body, "application/vnd.oci.image.index.v1+json");
  }
  EXPECT_THAT(Text(Pull("app:maze").status()), HasSubstr("indexes that point to indexes"));
  ExpectNothingHere();
}

TEST_F(ImagesTest, AnErrorOfTheRegistryBeginsWithItsName) {
  Serve(Describe("x", "hello"), "app", "1");
  registry_.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (absl::StrContains(request.path, "/blobs/")) return FakeReply{.status = 503};
    return std::nullopt;
  });
  absl::Status status = Pull("app:1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr("503"), HasSubstr(registry_.host())));
  registry_.SetHandler(nullptr);
  EXPECT_EQ(Pull("app:2").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(images_->Pull("App", {}, Call()).status().code(), absl::StatusCode::kInvalidArgument);
  ExpectNothingHere();
}

TEST_F(ImagesTest, ALayerThatFailsAfterOthersCameIsNamedByItsRegistry) {
  const WrittenImage written = Serve(Describe("x", "hello", 3), "app", "1");
  registry_.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (absl::StrContains(request.path, written.layer_digests[2])) return FakeReply{.status = 500};
    return std::nullopt;
  });
  const absl::Status status = Pull("app:1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr(written.layer_digests[2])));
  ExpectNothingHere();
}

TEST_F(ImagesTest, AnImageThatCannotBeRecordedLeavesNoLayer) {
  Serve(Describe("x", "hello", 3), "app", "1");
  ASSERT_TRUE(database_->Run("CREATE TRIGGER full BEFORE INSERT ON images BEGIN SELECT RAISE(FAIL, 'full'); END").ok());
  const absl::Status status = Pull("app:1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), AllOf(HasSubstr("record image"), HasSubstr("full")));
  ExpectNothingHere();
  ASSERT_TRUE(database_->Run("DROP TRIGGER full").ok());
  EXPECT_TRUE(Pull("app:1").ok());
}

TEST_F(ImagesTest, ThePauseImageIsPinned) {
  options_.pinned_image = Ref("pause");
  Open();
  Serve(Describe("x", "pause"), "pause", "latest");
  Serve(Describe("x", "app"), "app", "1");
  const std::string pause = *Pull("pause:latest");
  const std::string app = *Pull("app:1");
  EXPECT_TRUE(images_->Find(pause)->pinned);
  EXPECT_FALSE(images_->Find(app)->pinned);
  Serve(Describe("x", "new pause"), "pause", "latest");
  const std::string new_pause = *Pull("pause:latest");
  EXPECT_FALSE(images_->Find(pause)->pinned);
  EXPECT_TRUE(images_->Find(new_pause)->pinned);
  options_.pinned_image = "not a reference";
  EXPECT_EQ(Images::Open(layout_, database_.get(), options_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ImagesTest, MountingAnImageThatIsNotHereIsNotFound) {
  EXPECT_EQ(images_->MountRootfs("sha256:" + std::string(64, '0'), "c", dir_.path(), {}).code(),
            absl::StatusCode::kNotFound);
}

class ImportTest : public ImagesTest {
 protected:
  std::string preload_ = dir_.path() + "/preload";
};

TEST_F(ImportTest, ImagesOfLayoutsAreTakenInOnce) {
  ImageDescription with_index = Describe("example.test/two:2", "two");
  with_index.with_index = true;
  const WrittenImage one = WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "one", 2)})->front();
  ASSERT_TRUE(WriteImageLayout(preload_ + "/two", {with_index}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, Call()).ok());
  EXPECT_EQ(images_->List().size(), 2u);
  const std::shared_ptr<const Image> image = images_->Find("example.test/one:1");
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->id, one.config_digest);
  EXPECT_THAT(image->repo_digests, ElementsAre("example.test/one@" + one.digest));
  EXPECT_NE(images_->Find("example.test/two:2"), nullptr);
  // What is here under that name is left alone, even if the directory now has something else.
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "changed")}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, Call()).ok());
  EXPECT_EQ(images_->Find("example.test/one:1")->id, one.config_digest);
}

TEST_F(ImportTest, ABrokenLayoutIsNamedAndTheOthersAreTakenIn) {
  const WrittenImage bad = WriteImageLayout(preload_ + "/bad", {Describe("example.test/bad:1", "bad")})->front();
  ASSERT_TRUE(WriteImageLayout(preload_ + "/good", {Describe("example.test/good:1", "good")}).ok());
  const std::string blob = preload_ + "/bad/blobs/sha256/" + bad.layer_digests[0].substr(7);
  const std::string bytes = *ReadFileAt(AT_FDCWD, blob, 1 << 20);
  for (const std::string& broken : {bytes.substr(1), bytes + "x", std::string(bytes.size(), 'x')}) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, blob, broken, 0644).ok());
    const absl::Status status = images_->ImportLayouts(preload_, Call());
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(Text(status), HasSubstr(bad.layer_digests[0]));
    EXPECT_EQ(images_->Find("example.test/bad:1"), nullptr);
    EXPECT_NE(images_->Find("example.test/good:1"), nullptr);
  }
  ASSERT_TRUE(RemoveTree(blob).ok());
  ASSERT_EQ(symlink("/etc/hostname", blob.c_str()), 0);
  EXPECT_FALSE(images_->ImportLayouts(preload_, Call()).ok()) << "a link out of the layout";
  ASSERT_TRUE(RemoveTree(preload_ + "/bad").ok());
  ASSERT_TRUE(MakeDirs(preload_ + "/bad", 0755).ok());
  EXPECT_THAT(Text(images_->ImportLayouts(preload_, Call())), HasSubstr("oci-layout"));
}

TEST_F(ImportTest, ACallThatIsOverEndsIt) {
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "one")}).ok());
  EXPECT_EQ(images_->ImportLayouts(preload_, Call(kNoDeadline, [] { return true; })).code(),
            absl::StatusCode::kCancelled);
  ExpectNothingHere();
}

}  // namespace
}  // namespace crisp
