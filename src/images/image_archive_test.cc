// Images that are saved into an archive and loaded from one.
#include "images/image_archive.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "images/digest.h"
#include "images/tar_output.h"
#include "images/testing/images_test.h"
#include "os/file.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImageArchiveTest : public ImagesTest {
 protected:
  std::string Save(const std::vector<std::string>& names) {
    std::string archive;
    const absl::Status saved = images_->Save(
        names,
        [&](absl::string_view bytes) {
          archive.append(bytes.data(), bytes.size());
          return absl::OkStatus();
        },
        CallContext());
    EXPECT_TRUE(saved.ok()) << saved;
    return archive;
  }
  absl::StatusOr<std::vector<std::string>> Load(absl::string_view archive, size_t piece = 10000) {
    return images_->Load(
        [&]() -> absl::StatusOr<absl::string_view> {
          const absl::string_view next = archive.substr(0, piece);
          archive.remove_prefix(next.size());
          return next;
        },
        CallContext());
  }
  // Calls `look` with the path of a root file system of the image.
  void Look(const std::string& image, const std::function<void(const std::string& root)>& look) {
    const std::string root = dir_.path() + "/root-of-image";
    ASSERT_TRUE(MakeDirs(root, 0755).ok());
    const absl::Status mounted = images_->MountRootfs(images_->Find(image)->id, "looked-at", root, {});
    ASSERT_TRUE(mounted.ok()) << mounted;
    look(root);
    ASSERT_TRUE(images_->ReleaseRootfs("looked-at", root).ok());
  }
  std::string Packed(const std::string& archive, const std::string& program) {
    const std::string path = dir_.path() + "/archive";
    EXPECT_TRUE(WriteFileAt(AT_FDCWD, path, archive, 0600).ok());
    EXPECT_EQ(system(absl::StrCat(program, " < ", path, " > ", path, ".packed").c_str()), 0);
    return *ReadFileAt(AT_FDCWD, path + ".packed", 64 << 20);
  }
  // An archive with these files.
  static std::string Tar(const std::vector<std::pair<std::string, std::string>>& files) {
    std::string archive;
    TarOutput tar([&](absl::string_view bytes) {
      archive.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    });
    EXPECT_TRUE(tar.Open().ok());
    for (const auto& [path, contents] : files) EXPECT_TRUE(tar.AddFile(path, contents).ok());
    EXPECT_TRUE(tar.Finish().ok());
    return archive;
  }
};

TEST_F(ImageArchiveTest, AnImageThatIsLoadedHasTheFilesAndTheConfigOfTheOneThatWasSaved) {
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  const std::string archive = Save({Ref("app:1")});
  ASSERT_TRUE(images_->Remove(Ref("app:1")).ok());
  ExpectNothingHere();
  const auto names = Load(archive);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre(Ref("app:1")));
  EXPECT_THAT(*ListDir(layout_.Ingests()), IsEmpty());
  const std::shared_ptr<const Image> image = images_->Find(Ref("app:1"));
  EXPECT_THAT(image->repo_tags, ElementsAre(Ref("app:1")));
  EXPECT_EQ(image->config.user, "1000");
  EXPECT_THAT(image->config.env, ElementsAre("A=b"));
  Look(Ref("app:1"), [](const std::string& root) {
    EXPECT_EQ(*ReadFileAt(AT_FDCWD, root + "/srv/0", 100), "hello");
    EXPECT_EQ(*ReadFileAt(AT_FDCWD, root + "/srv/1", 100), "hello");
  });
}

TEST_F(ImageArchiveTest, WhatIsSavedTwiceIsTheSameAndSoIsWhatIsSavedAfterALoad) {
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  const std::string archive = Save({Ref("app:1")});
  EXPECT_EQ(Save({Ref("app:1")}), archive);
  ASSERT_TRUE(images_->Remove(Ref("app:1")).ok());
  ASSERT_TRUE(Load(archive).ok());
  EXPECT_EQ(Save({Ref("app:1")}), archive);
}

TEST_F(ImageArchiveTest, OwnersModesLinksAttributesAndWhiteoutsStay) {
  Serve(Describe("x", "hello", 1), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  // A layer directory as unpacking leaves it.
  const std::string layer = dir_.path() + "/layer";
  ASSERT_TRUE(MakeDirs(layer + "/opaque", 0711).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layer + "/file", "text", 0600).ok());
  ASSERT_EQ(chown((layer + "/file").c_str(), 12, 34), 0);
  ASSERT_EQ(chmod((layer + "/file").c_str(), 04751), 0);
  ASSERT_EQ(setxattr((layer + "/file").c_str(), "user.x", "a\0b", 3, 0), 0);
  ASSERT_EQ(link((layer + "/file").c_str(), (layer + "/second").c_str()), 0);
  ASSERT_EQ(symlink("file", (layer + "/soft").c_str()), 0);
  ASSERT_EQ(mknod((layer + "/gone").c_str(), S_IFCHR, 0), 0);
  ASSERT_EQ(setxattr((layer + "/opaque").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  std::string archive;
  const ImageToSave image{images_->Find(Ref("app:1")), {"docker.io/a/b:1"}, {layer}};
  ASSERT_TRUE(WriteImageArchive(
                  {image},
                  [&](absl::string_view bytes) {
                    archive.append(bytes.data(), bytes.size());
                    return absl::OkStatus();
                  },
                  CallContext())
                  .ok());
  const auto names = Load(archive);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(archive, HasSubstr(".wh.gone"));
  EXPECT_THAT(archive, HasSubstr("opaque/.wh..wh..opq"));
  Look("docker.io/a/b:1", [](const std::string& root) {
    struct stat file {
    }, second{};
    ASSERT_EQ(stat((root + "/file").c_str(), &file), 0);
    EXPECT_EQ(file.st_uid, 12u);
    EXPECT_EQ(file.st_gid, 34u);
    EXPECT_EQ(file.st_mode & 07777u, 04751u);
    ASSERT_EQ(stat((root + "/second").c_str(), &second), 0);
    EXPECT_EQ(second.st_ino, file.st_ino);
    char value[8];
    ASSERT_EQ(getxattr((root + "/file").c_str(), "user.x", value, sizeof(value)), 3);
    EXPECT_EQ(std::string(value, 3), std::string("a\0b", 3));
    EXPECT_EQ(*ReadFileAt(AT_FDCWD, root + "/soft", 100), "text");
    EXPECT_FALSE(Exists(root + "/gone"));
  });
}

TEST_F(ImageArchiveTest, SeveralImagesAndNamesShareTheirLayersInOneArchive) {
  Serve(Describe("x", "hello", 1), "base", "1");
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("base:1").ok());
  ASSERT_TRUE(Pull("app:1").ok());
  ASSERT_TRUE(images_->Tag(Ref("base:1"), Ref("base:2")).ok());
  const std::string archive = Save({Ref("app:1"), images_->Find(Ref("base:1"))->id});
  for (const auto& image : images_->List()) ASSERT_TRUE(images_->Remove(image->id).ok());
  const auto names = Load(archive);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, testing::UnorderedElementsAre(Ref("app:1"), Ref("base:1"), Ref("base:2")));
  EXPECT_EQ(Rows("layers"), 2);
  EXPECT_EQ(images_->List().size(), 2u);
}

TEST_F(ImageArchiveTest, AnArchiveMayBePacked) {
  Serve(Describe("x", "hello"), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  const std::string archive = Save({Ref("app:1")});
  for (const std::string program : {"gzip", "zstd -q"}) {
    ASSERT_TRUE(images_->Remove(Ref("app:1")).ok());
    const auto names = Load(Packed(archive, program));
    ASSERT_TRUE(names.ok()) << program << ": " << names.status();
    EXPECT_THAT(*names, ElementsAre(Ref("app:1")));
  }
}

// As `docker save` writes it before version 25.
TEST_F(ImageArchiveTest, AnOldArchiveOfDockerIsLoaded) {
  const std::string layer = Tar({{"srv/0", "old"}});
  const std::string config = absl::StrCat(R"({"architecture":"amd64","os":"linux","config":{"User":"7"},"rootfs":{)",
                                          R"("type":"layers","diff_ids":[")", DigestOf(layer), R"("]}})");
  const auto names =
      Load(Tar({{"abc/layer.tar", layer},
                {"abc/VERSION", "1.0"},
                {"config.json", config},
                {"manifest.json", R"([{"Config":"config.json","RepoTags":["old:1"],"Layers":["abc/layer.tar"]}])"}}));
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre("docker.io/library/old:1"));
  EXPECT_EQ(images_->Find("old:1")->id, DigestOf(config));
  Look("old:1", [](const std::string& root) { EXPECT_EQ(*ReadFileAt(AT_FDCWD, root + "/srv/0", 100), "old"); });
}

TEST_F(ImageArchiveTest, WhatIsNoArchiveOfImagesIsSaidAndLeavesNothing) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a whole tar"},
      {std::string(5000, 'x'), "not a whole tar"},
      {Tar({{"etc/passwd", "root"}}), "neither manifest.json"},
      {Tar({{"manifest.json", "[{\"Config\":\"c\",\"Layers\":[]}]"}}), "\"c\", which the archive does not have"},
      {Tar({{"manifest.json", "[{\"Config\":\"../../etc/passwd\",\"Layers\":[]}]"}}), "does not have"},
      {Tar({{"manifest.json", "{"}}), "manifest.json"},
      {Tar({{"manifest.json", "[]"}}), "no image"},
      {Tar({{"oci-layout", "{}"}, {"index.json", "{}"}}), "imageLayoutVersion"},
  };
  for (const auto& [archive, reason] : cases) {
    const auto names = Load(archive);
    EXPECT_EQ(names.status().code(), absl::StatusCode::kInvalidArgument) << names.status();
    EXPECT_THAT(std::string(names.status().message()), HasSubstr(reason));
    ExpectNothingHere();
  }
}

TEST_F(ImageArchiveTest, ALayerThatDoesNotMatchAndAnArchiveThatBreaksOffLeaveNothing) {
  const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:)" +
                             std::string(64, 'a') + "\"]}}";
  const std::string archive = Tar({{"l", Tar({{"srv/0", "old"}})},
                                   {"c", config},
                                   {"manifest.json", R"([{"Config":"c","RepoTags":["old:1"],"Layers":["l"]}])"}});
  EXPECT_EQ(Load(archive).status().code(), absl::StatusCode::kDataLoss);
  ExpectNothingHere();
  EXPECT_EQ(Load(archive.substr(0, 700)).status().code(), absl::StatusCode::kInvalidArgument);
  ExpectNothingHere();
}

TEST_F(ImageArchiveTest, FilesOfAnArchiveStayInItsDirectory) {
  const std::string outside = layout_.Ingests() + "/../outside";
  for (const std::string path : {"../outside", "a/../../outside", "/../outside"}) {
    EXPECT_FALSE(Load(Tar({{path, "x"}, {"manifest.json", "[]"}})).ok());
    EXPECT_FALSE(Exists(outside)) << path;
  }
}

TEST_F(ImageArchiveTest, WhatImagesTakeIsToldFromRecords) {
  Serve(Describe("x", "hello", 1), "base", "1");
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("base:1").ok());
  ASSERT_TRUE(Pull("app:1").ok());
  ImagesUse use = *images_->Use();
  ASSERT_EQ(use.images.size(), 2u);
  const bool base_first = use.images[0].image->id == images_->Find(Ref("base:1"))->id;
  const ImageUse& base = use.images[base_first ? 0 : 1];
  const ImageUse& app = use.images[base_first ? 1 : 0];
  EXPECT_GT(base.unpacked, 0u);
  EXPECT_EQ(base.shared, base.unpacked);
  EXPECT_EQ(app.shared, base.unpacked);
  EXPECT_GT(app.unpacked, app.shared);
  EXPECT_EQ(use.layers, app.unpacked);
  EXPECT_EQ(use.layers, images_->Usage()->used_bytes);
  EXPECT_EQ(use.unused, use.layers);
  Look(Ref("base:1"), [&](const std::string&) { use = *images_->Use(); });
  EXPECT_EQ(use.unused, app.unpacked - base.unpacked);
}

}  // namespace
}  // namespace crisp
