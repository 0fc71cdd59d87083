// Pulls that fail: what the error says, and that nothing is left.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "images/digest.h"
#include "images/manifest.h"
#include "images/testing/images_test.h"
#include "images/testing/test_registry.h"
#include "os/file.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";

class ImageRefusalTest : public ImagesTest {};

TEST_F(ImageRefusalTest, WhatDoesNotFitTogetherIsRefusedAndLeavesNothing) {
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
TEST_F(ImageRefusalTest, ThePlatformOfAConfigCountsWhereAnIndexDoesNotNameIt) {
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

TEST_F(ImageRefusalTest, AMazeOfIndexesIsLeft) {
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

TEST_F(ImageRefusalTest, AnErrorOfTheRegistryBeginsWithItsName) {
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
  EXPECT_EQ(images_->Pull("App", {}, CallContext()).status().code(), absl::StatusCode::kInvalidArgument);
  ExpectNothingHere();
}

TEST_F(ImageRefusalTest, ALayerThatFailsAfterOthersCameIsNamedByItsRegistry) {
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

TEST_F(ImageRefusalTest, AnImageThatCannotBeRecordedLeavesNoLayer) {
  Serve(Describe("x", "hello", 3), "app", "1");
  ASSERT_TRUE(database_->Run("CREATE TRIGGER full BEFORE INSERT ON images BEGIN SELECT RAISE(FAIL, 'full'); END").ok());
  const absl::Status status = Pull("app:1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), AllOf(HasSubstr("record image"), HasSubstr("full")));
  ExpectNothingHere();
  ASSERT_TRUE(database_->Run("DROP TRIGGER full").ok());
  EXPECT_TRUE(Pull("app:1").ok());
}

}  // namespace
}  // namespace crisp
