// Names that images are given and lose.
#include <gmock/gmock.h>

#include "images/testing/images_test.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImageNamesTest : public ImagesTest {
 protected:
  void SetUp() override {
    ImagesTest::SetUp();
    if (IsSkipped()) return;
    Serve(Describe("x", "hello"), "app", "1");
    id_ = *Pull("app:1");
  }
  std::vector<std::string> Tags(const std::string& name) { return images_->Find(name)->repo_tags; }

  std::string id_;
};

TEST_F(ImageNamesTest, ATagIsAnotherNameAndIsThereAfterARestart) {
  EXPECT_EQ(*images_->Tag(Ref("app:1"), "mine"), "docker.io/library/mine:latest");
  EXPECT_EQ(*images_->Tag(id_, "mine:2"), "docker.io/library/mine:2");
  EXPECT_EQ(*images_->Tag(id_.substr(7, 10), "mine:2"), "docker.io/library/mine:2") << "again";
  Open();
  EXPECT_THAT(Tags(id_), ElementsAre(Ref("app:1"), "docker.io/library/mine:2", "docker.io/library/mine:latest"));
  EXPECT_EQ(images_->Find("mine")->id, id_);
}

TEST_F(ImageNamesTest, ATagMovesAndItsFormerImageStaysByItsDigest) {
  Serve(Describe("x", "other"), "other", "1");
  const std::string other = *Pull("other:1");
  EXPECT_TRUE(images_->Tag(Ref("other:1"), Ref("app:1")).ok());
  EXPECT_EQ(images_->Find(Ref("app:1"))->id, other);
  ASSERT_NE(images_->Find(id_), nullptr);
  EXPECT_THAT(Tags(id_), IsEmpty());
}

TEST_F(ImageNamesTest, WhatCannotBeTaggedIsSaid) {
  EXPECT_EQ(images_->Tag("none:1", "mine").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(images_->Tag(id_, "Mine And Yours").status().code(), absl::StatusCode::kInvalidArgument);
  const absl::Status digest = images_->Tag(id_, "mine@" + id_).status();
  EXPECT_EQ(digest.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(digest.message()), HasSubstr("docker.io/library/mine:1"));
  EXPECT_THAT(Tags(id_), ElementsAre(Ref("app:1")));
}

TEST_F(ImageNamesTest, TheLastTagTakesTheImageAlong) {
  ASSERT_TRUE(images_->Tag(id_, Ref("app:2")).ok());
  EXPECT_FALSE(*images_->Untag(Ref("app:1")));
  EXPECT_THAT(Tags(id_), ElementsAre(Ref("app:2")));
  EXPECT_TRUE(*images_->Untag(Ref("app:2")));
  ExpectNothingHere();
}

TEST_F(ImageNamesTest, ADigestOfAnotherRepositoryKeepsTheImage) {
  ASSERT_TRUE(images_->Tag(id_, "mine:1").ok());
  EXPECT_FALSE(*images_->Untag(Ref("app:1")));
  EXPECT_FALSE(*images_->Untag("mine:1")) << "it was pulled by the digest that it still has";
  ASSERT_NE(images_->Find(id_), nullptr);
  EXPECT_TRUE(*images_->Untag(images_->Find(id_)->repo_digests[0]));
  ExpectNothingHere();
}

TEST_F(ImageNamesTest, ANameThatNothingHasIsNotFound) {
  EXPECT_EQ(images_->Untag("mine:1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(images_->Untag("Mine And Yours").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ImageNamesTest, LayersAreOnRecord) {
  const auto layers = images_->Layers(Ref("app:1"));
  ASSERT_TRUE(layers.ok()) << layers.status();
  ASSERT_EQ(layers->size(), 1u);
  EXPECT_EQ((*layers)[0].diff_id.substr(0, 7), "sha256:");
  EXPECT_GT((*layers)[0].packed, 0u);
  EXPECT_GT((*layers)[0].unpacked, 0u);
  EXPECT_EQ(images_->Layers("none:1").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace crisp
