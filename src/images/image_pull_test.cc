#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/testing/captured_log.h"
#include "base/testing/json_lines.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/testing/images_test.h"
#include "images/testing/test_registry.h"
#include "os/file.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ImagePullTest : public ImagesTest {};

TEST_F(ImagePullTest, APullByTagGivesATagAndADigest) {
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

TEST_F(ImagePullTest, APullByDigestGivesNoTag) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  ASSERT_TRUE(Pull("app:ignored@" + written.digest).ok());
  const std::shared_ptr<const Image> image = images_->Find(Ref("app@" + written.digest));
  ASSERT_NE(image, nullptr);
  EXPECT_THAT(image->repo_tags, IsEmpty());
  EXPECT_THAT(image->repo_digests, ElementsAre(Ref("app@" + written.digest)));
}

TEST_F(ImagePullTest, AnIndexLeadsToTheImageOfThisMachine) {
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

TEST_F(ImagePullTest, ATagThatMovedTakesItsNameAlong) {
  const WrittenImage first = Serve(Describe("x", "first"), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  const WrittenImage second = Serve(Describe("x", "second"), "app", "1");
  ASSERT_EQ(*Pull("app:1"), second.config_digest);
  EXPECT_EQ(images_->List().size(), 2u);
  EXPECT_THAT(images_->Find(first.config_digest)->repo_tags, IsEmpty());
  EXPECT_THAT(images_->Find(first.config_digest)->repo_digests, ElementsAre(Ref("app@" + first.digest)));
  EXPECT_THAT(images_->Find(second.config_digest)->repo_tags, ElementsAre(Ref("app:1")));
}

TEST_F(ImagePullTest, APullOfWhatIsHereAsksTheRegistryOnlyForTheDigest) {
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

TEST_F(ImagePullTest, SharedLayersAreFetchedOnce) {
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

TEST_F(ImagePullTest, ALayerIsFetchedOnceForTwoRepositoriesAndTwoBases) {
  ImageDescription one = Describe("x", "one"), two = Describe("x", "two");
  const LayerDescription app{.entries = {DirectoryEntry("app"), FileEntry("app/program", "x")}};
  one.layers.push_back(app);
  two.layers.push_back(app);
  const WrittenImage written = Serve(one, "a/one", "1");
  Serve(one, "b/one", "1");
  Serve(two, "b/two", "1");
  for (const char* name : {"a/one:1", "b/one:1", "b/two:1"}) ASSERT_TRUE(Pull(name).ok()) << name;
  for (const std::string& digest : written.layer_digests) EXPECT_EQ(registry_.Count("/blobs/" + digest), 1);
}

// A layer that its publisher does not want in other registries.
TEST_F(ImagePullTest, AForeignLayerIsTakenFromTheRegistryIfItHasIt) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  const std::string blobs = absl::StrCat(dir_.path(), "/layout1/blobs/sha256/");
  nlohmann::json manifest =
      nlohmann::json::parse(*ReadFileAt(AT_FDCWD, blobs + written.manifest_digest.substr(7), 1 << 20));
  manifest["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  manifest["layers"][0]["urls"] = {"http://127.0.0.1:1/never-asked"};
  registry_.AddManifest("app", "foreign", manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
  const absl::StatusOr<std::string> id = Pull("app:foreign");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, written.config_digest);
  ASSERT_TRUE(images_->Remove(*id).ok());
  // And if it does not, the error says why.
  registry_.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::StrContains(request.path, written.layer_digests[0])) return std::nullopt;
    return FakeReply{.status = 404};
  });
  const absl::Status absent = Pull("app:foreign").status();
  EXPECT_TRUE(absl::IsNotFound(absent)) << absent;
  EXPECT_THAT(Text(absent), HasSubstr("it is a foreign layer"));
}

TEST_F(ImagePullTest, AnImageWithoutLayersIsPulledAndMounted) {
  const std::string config = R"({"os":"linux","rootfs":{"type":"layers","diff_ids":null}})";
  const nlohmann::json manifest = {
      {"schemaVersion", 2},
      {"config", {{"mediaType", ""}, {"digest", registry_.AddBlob(config)}, {"size", config.size()}}},
      {"layers", nullptr}};
  registry_.AddManifest("app", "scratch", manifest.dump(), "application/vnd.docker.distribution.manifest.v2+json");
  const absl::StatusOr<std::string> id = Pull("app:scratch");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_GT(images_->Find(*id)->size, 0u);
  Open();
  const std::string target = dir_.path() + "/rootfs";
  ASSERT_TRUE(MakeDirs(target, 0755).ok());
  ASSERT_TRUE(images_->MountRootfs(*id, "container", target, {}).ok());
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, target + "/new", "x", 0644).ok());
  ASSERT_TRUE(images_->ReleaseRootfs("container", target).ok());
  ASSERT_TRUE(images_->Remove(*id).ok());
  ExpectNothingHere();
}

TEST_F(ImagePullTest, EachStepIsADebugLineWithImageDigestAndLayer) {
  ImageDescription description = Describe("x", "hello", 2);
  description.with_index = true;
  const WrittenImage written = Serve(description, "app", "1");
  const CapturedLog captured({.level = LogLevel::kDebug, .format = LogFormat::kJson});
  ASSERT_TRUE(Pull("app:1").ok());
  ASSERT_TRUE(Pull("app:1").ok());
  std::vector<std::string> steps;
  for (const nlohmann::json& line : JsonLinesWith(captured, "step")) {
    EXPECT_EQ(line.at("operation"), "PullImage");
    EXPECT_EQ(line.at("image"), Ref("app:1"));
    EXPECT_TRUE(line.contains("ms"));
    if (line.at("step") != "manifest" && line.at("step") != "resolve") {
      EXPECT_EQ(line.at("digest"), written.digest);
    }
    steps.push_back(line.at("step").get<std::string>() + " " + line.value("layer", ""));
  }
  const std::string one = written.layer_digests[0];
  const std::string two = written.layer_digests[1];
  EXPECT_THAT(steps, UnorderedElementsAre("manifest ", "platform manifest ", "config ", "fetch " + one, "unpack " + one,
                                          "commit " + one, "fetch " + two, "unpack " + two, "commit " + two, "record ",
                                          "resolve "));
  EXPECT_THAT(JsonLinesWith(captured, "slowest_step"), IsEmpty());
}

TEST_F(ImagePullTest, APullOfOverASecondNamesItsSlowestStepAndLayer) {
  const WrittenImage written = Serve(Describe("x", "hello", 2), "app", "1");
  registry_.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (absl::StrContains(request.path, written.layer_digests[1])) LetTimePass(milliseconds(1100));
    return std::nullopt;
  });
  const CapturedLog captured({.format = LogFormat::kJson});
  ASSERT_TRUE(Pull("app:1").ok());
  const std::vector<nlohmann::json> lines = JsonLinesWith(captured, "operation");
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].at("level"), "info");
  EXPECT_EQ(lines[0].at("operation"), "PullImage");
  EXPECT_EQ(lines[0].at("image"), Ref("app:1"));
  EXPECT_EQ(lines[0].at("digest"), written.digest);
  EXPECT_EQ(lines[0].at("layer"), written.layer_digests[1]);
  EXPECT_THAT(lines[0].at("slowest_step").get<std::string>(), AnyOf("fetch", "unpack"));
}

TEST_F(ImagePullTest, AHundredPullsOfOneImageAreOne) {
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

TEST_F(ImagePullTest, DifferentCredentialsDoNotShareAPull) {
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
    return images_->Pull(Ref("app:1"), {.username = "user", .password = "password"}, CallContext());
  });
  WaitUntilHeld();
  EXPECT_EQ(Pull("app:1").status().code(), absl::StatusCode::kUnauthenticated);
  released_.set_value();
  EXPECT_TRUE(allowed.get().ok());
}

TEST_F(ImagePullTest, NoMoreLayersAtOnceThanAllowed) {
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

TEST_F(ImagePullTest, ADeadlineOfAMillisecondLeavesNothing) {
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  HoldBlobs();
  const absl::Status status = Pull("app:1", CallContext::WithTimeout(milliseconds(1))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  released_.set_value();
  WaitForNothingHere();
}

TEST_F(ImagePullTest, ACancelInTheMiddleLeavesNothing) {
  const WrittenImage written = Serve(Describe("x", Noise(4 << 20), 2), "app", "1");
  HangIn(written.layer_digests[1]);
  std::atomic<bool> gone{false};
  auto pull = std::async(std::launch::async,
                         [&] { return Pull("app:1", CallContext(kNoDeadline, [&] { return gone.load(); })); });
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

TEST_F(ImagePullTest, WhoComesWhileAPullIsBeingGivenUpGetsHisImage) {
  Serve(Describe("x", Noise(1 << 20)), "app", "1");
  for (int i = 0; i < 20; ++i) {
    (void)Pull("app:1", CallContext::WithTimeout(milliseconds(1 + i % 5)));
    const absl::StatusOr<std::string> id = Pull("app:1");
    ASSERT_TRUE(id.ok()) << id.status();
    ASSERT_TRUE(images_->Remove(*id).ok());
  }
  ExpectNothingHere();
}

TEST_F(ImagePullTest, AKillInTheMiddleIsSweptAtTheNextStart) {
  const WrittenImage written = Serve(Describe("x", Noise(2 << 20), 2), "app", "1");
  HangIn(written.layer_digests[1]);
  std::atomic<bool> gone{false};
  auto pull = std::async(std::launch::async,
                         [&] { return Pull("app:1", CallContext(kNoDeadline, [&] { return gone.load(); })); });
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

}  // namespace
}  // namespace crisp
