#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "images/testing/images_test.h"
#include "os/file.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ImportTest : public ImagesTest {
 protected:
  std::string preload_ = dir_.path() + "/preload";
};

TEST_F(ImportTest, ImagesOfLayoutsAreTakenInOnce) {
  ImageDescription with_index = Describe("example.test/two:2", "two");
  with_index.with_index = true;
  const WrittenImage one = WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "one", 2)})->front();
  ASSERT_TRUE(WriteImageLayout(preload_ + "/two", {with_index}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, CallContext()).ok());
  EXPECT_EQ(images_->List().size(), 2u);
  const std::shared_ptr<const Image> image = images_->Find("example.test/one:1");
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->id, one.config_digest);
  EXPECT_THAT(image->repo_digests, ElementsAre("example.test/one@" + one.digest));
  EXPECT_NE(images_->Find("example.test/two:2"), nullptr);
  // What is here under that name is left alone, even if the directory now has something else.
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "changed")}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, CallContext()).ok());
  EXPECT_EQ(images_->Find("example.test/one:1")->id, one.config_digest);
}

TEST_F(ImportTest, ABrokenLayoutIsNamedAndTheOthersAreTakenIn) {
  const WrittenImage bad = WriteImageLayout(preload_ + "/bad", {Describe("example.test/bad:1", "bad")})->front();
  ASSERT_TRUE(WriteImageLayout(preload_ + "/good", {Describe("example.test/good:1", "good")}).ok());
  const std::string blob = preload_ + "/bad/blobs/sha256/" + bad.layer_digests[0].substr(7);
  const std::string bytes = *ReadFileAt(AT_FDCWD, blob, 1 << 20);
  for (const std::string& broken : {bytes.substr(1), bytes + "x", std::string(bytes.size(), 'x')}) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, blob, broken, 0644).ok());
    const absl::Status status = images_->ImportLayouts(preload_, CallContext());
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(Text(status), HasSubstr(bad.layer_digests[0]));
    EXPECT_EQ(images_->Find("example.test/bad:1"), nullptr);
    EXPECT_NE(images_->Find("example.test/good:1"), nullptr);
  }
  ASSERT_TRUE(RemoveTree(blob).ok());
  ASSERT_EQ(symlink("/etc/hostname", blob.c_str()), 0);
  EXPECT_FALSE(images_->ImportLayouts(preload_, CallContext()).ok()) << "a link out of the layout";
  ASSERT_TRUE(RemoveTree(preload_ + "/bad").ok());
  ASSERT_TRUE(MakeDirs(preload_ + "/bad", 0755).ok());
  EXPECT_THAT(Text(images_->ImportLayouts(preload_, CallContext())), HasSubstr("oci-layout"));
}

TEST_F(ImportTest, ANameThatIsOnlyATagIsRefusedByName) {
  for (const char* name : {"1.36", "latest", "busybox", ""}) {
    ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe(name, "one")}).ok());
    const absl::Status status = images_->ImportLayouts(preload_, CallContext());
    EXPECT_THAT(Text(status), HasSubstr("io.containerd.image.name")) << name;
    EXPECT_THAT(Text(status), HasSubstr(preload_ + "/one"));
    ExpectNothingHere();
  }
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("busybox:1.36", "one")}).ok());
  EXPECT_TRUE(images_->ImportLayouts(preload_, CallContext()).ok());
  EXPECT_NE(images_->Find("docker.io/library/busybox:1.36"), nullptr);
}

TEST_F(ImportTest, ImagesAreNotPinnedUnlessAskedFor) {
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "one")}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, CallContext()).ok());
  EXPECT_FALSE(images_->Find("example.test/one:1")->pinned);
}

TEST_F(ImportTest, ImagesArePinnedIfAskedForAlsoThoseThatWereHereBefore) {
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "one")}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, CallContext()).ok());
  Serve(Describe("x", "other"), "app", "1");
  options_.pin_imported = true;
  Open();
  EXPECT_FALSE(images_->Find("example.test/one:1")->pinned);
  ASSERT_TRUE(WriteImageLayout(preload_ + "/two", {Describe("example.test/two:1", "two")}).ok());
  ASSERT_TRUE(images_->ImportLayouts(preload_, CallContext()).ok());
  ASSERT_TRUE(Pull("app:1").ok());
  EXPECT_TRUE(images_->Find("example.test/one:1")->pinned);
  EXPECT_TRUE(images_->Find("example.test/two:1")->pinned);
  EXPECT_FALSE(images_->Find(Ref("app:1"))->pinned);
}

TEST_F(ImportTest, ACallThatIsOverEndsIt) {
  ASSERT_TRUE(WriteImageLayout(preload_ + "/one", {Describe("example.test/one:1", "one")}).ok());
  EXPECT_EQ(images_->ImportLayouts(preload_, CallContext(kNoDeadline, [] { return true; })).code(),
            absl::StatusCode::kCancelled);
  ExpectNothingHere();
}

}  // namespace
}  // namespace crisp
