#include "images/images.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/captured_log.h"
#include "images/digest.h"
#include "images/testing/images_test.h"
#include "images/testing/test_registry.h"
#include "os/file.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(ImagesTest, AnImageFromARealRegistryBecomesARootFileSystem) {
  if (!RealRegistry::Installed()) GTEST_SKIP() << "needs docker-registry and skopeo";
  RealRegistry real;
  const std::string layout = dir_.path() + "/layout";
  const WrittenImage written = WriteImageLayout(layout, {Describe("app:1", "hello", 2)})->front();
  ASSERT_TRUE(real.Push(layout, "app:1", "team/app:1").ok());
  const std::string name = real.host() + "/team/app:1";
  const absl::StatusOr<std::string> id = images_->Pull(name, {}, CallContext());
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

TEST_F(ImagesTest, TheHostOfAnImageIsTheSameInAnyCase) {
  Serve(Describe("x", "hello"), "app", "1");
  options_.registry.mirrors["localhost"] = {"http://" + registry_.host()};
  Open();
  const std::string id = *images_->Pull("LOCALHOST/app:1", {}, CallContext());
  EXPECT_EQ(*images_->Pull("localhost/app:1", {}, CallContext()), id);
  ASSERT_NE(images_->Find("LocalHost/app:1"), nullptr);
  EXPECT_THAT(images_->Find(id)->repo_tags, ElementsAre("localhost/app:1"));
}

TEST_F(ImagesTest, WhatCannotBeUsedOfTheRegistriesIsNamedAtStartAndAtThePull) {
  Serve(Describe("x", "hello"), "app", "1");
  const std::string hosts = dir_.path() + "/certs.d/";
  const auto write = [&](const std::string& directory, const std::string& text) {
    ASSERT_TRUE(MakeDirs(hosts + directory, 0755).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, hosts + directory + "/hosts.toml", text, 0644).ok());
  };
  write("bad.test", "skip_verify = \"no\"\n");
  write("good.test", absl::StrCat("server = \"", registry_.Url(""), "\"\ncapabilitys = []\n"));
  options_.registry.config_path = hosts.substr(0, hosts.size() - 1);
  options_.registry.tls["tls.test"].ca_files = {"/nonexistent/ca.pem"};
  std::string log;
  {
    const CapturedLog captured;
    Open();
    EXPECT_THAT(
        Text(images_->Pull("bad.test/app:1", {}, CallContext()).status()),
        HasSubstr("pull bad.test/app:1: " + hosts + "bad.test/hosts.toml:1: skip_verify: expected true or false"));
    EXPECT_TRUE(images_->Pull("good.test/app:1", {}, CallContext()).ok());
    EXPECT_TRUE(images_->Pull("good.test/app:1", {}, CallContext()).ok());
    log = captured.Text();
  }
  EXPECT_THAT(log, HasSubstr(hosts + "bad.test/hosts.toml:1: skip_verify: expected true or false"));
  EXPECT_THAT(log, HasSubstr("/nonexistent/ca.pem"));
  const std::string unknown = "good.test/hosts.toml:2: capabilitys is not a key";
  const size_t first = log.find(unknown);
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find(unknown, first + 1), std::string::npos) << "it is named once";
}

TEST_F(ImagesTest, ARegistryThatIsSilentIsLeftAfterTheTimeThatIsConfigured) {
  registry_.SetHandler([](const FakeRequest&) { return FakeReply{.hang = true, .drop = true}; });
  options_.registry.progress_timeout = std::chrono::milliseconds(300);
  Open();
  const MonoTime start = MonoClock::now();
  EXPECT_THAT(Text(Pull("app:1").status()),
              AllOf(StartsWith("RegistryUnavailable: "), HasSubstr("no byte for 300 ms")));
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(5));
}

TEST_F(ImagesTest, AnIdIsNoNameOfAnotherImage) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  const std::string id = *Pull("app:1");
  Serve(Describe("y", "not this one"), "library/sha256", id.substr(id.find(':') + 1));
  options_.registry.mirrors["docker.io"] = {"http://" + registry_.host()};
  Open();
  const auto false_friend = images_->Pull("docker.io/library/" + id, {}, CallContext());
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

}  // namespace
}  // namespace crisp
