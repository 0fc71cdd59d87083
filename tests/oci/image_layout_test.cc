#include "tests/oci/image_layout.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/testing/wait.h"
#include "os/file.h"
#include "os/process.h"
#include "os/testing/test_dir.h"
#include "tests/oci/blob_store.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::ElementsAre;

constexpr char kSkopeo[] = "/usr/bin/skopeo";

class ImageLayoutTest : public testing::Test {
 protected:
  std::string Read(const std::string& path) {
    absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, absl::StrCat(directory_, "/", path), size_t{1} << 24);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }
  // Every blob is checked against its name before it is used.
  std::string Blob(const std::string& digest) {
    const std::string data = Read(absl::StrCat("blobs/sha256/", digest.substr(7)));
    EXPECT_EQ(BlobDigest(data), digest);
    return data;
  }
  json BlobJson(const std::string& digest) { return json::parse(Blob(digest)); }

  std::string Skopeo(const std::vector<std::string>& args) {
    const absl::StatusOr<CommandResult> result =
        RunCommand({kSkopeo, args, {"PATH=/usr/bin:/bin", "HOME=/nonexistent"}, "", 1 << 20}, CallContext());
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return "";
    EXPECT_TRUE(result->ok()) << result->Describe();
    return result->output;
  }

  const TestDir temporary_;
  const std::string directory_ = temporary_.path();
};

ImageDescription TwoLayers() {
  ImageDescription image;
  image.reference = "registry.example/team/app:1.0";
  image.layers = {{{DirectoryEntry("etc"), FileEntry("etc/motd", "hello\n", 0600)}, Compression::kGzip},
                  {{FileEntry("app", "program", 04755)}, Compression::kNone}};
  image.config.entrypoint = {"/app"};
  image.config.cmd = {"--serve"};
  image.config.env = {"PATH=/bin", "MODE=test"};
  image.config.user = "1000:1000";
  image.config.working_dir = "/srv";
  image.config.stop_signal = "SIGQUIT";
  image.config.volumes = {"/data"};
  image.labels = {{"maintainer", "nobody"}};
  return image;
}

WrittenImage Write(const std::string& directory, const ImageDescription& image) {
  const absl::StatusOr<std::vector<WrittenImage>> written = WriteImageLayout(directory, {image});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? written->at(0) : WrittenImage();
}

TEST_F(ImageLayoutTest, ConfigSaysHowToRunAndWhatTheLayersAre) {
  const WrittenImage written = Write(directory_, TwoLayers());
  const json config = BlobJson(written.config_digest);
  EXPECT_EQ(config["os"], "linux");
  EXPECT_EQ(config["architecture"], HostArchitecture());
  EXPECT_EQ(config["rootfs"]["diff_ids"], json(written.diff_ids));
  EXPECT_EQ(config["config"], json::parse(R"({"Entrypoint": ["/app"], "Cmd": ["--serve"], "User": "1000:1000",
      "Env": ["PATH=/bin", "MODE=test"], "WorkingDir": "/srv", "StopSignal": "SIGQUIT", "Volumes": {"/data": {}},
      "Labels": {"maintainer": "nobody"}})"));
}

TEST_F(ImageLayoutTest, IndexNamesTheManifestAndTheManifestItsBlobs) {
  const WrittenImage written = Write(directory_, TwoLayers());
  const json line = json::parse(Read("index.json"))["manifests"][0];
  EXPECT_EQ(line["annotations"]["org.opencontainers.image.ref.name"], "registry.example/team/app:1.0");
  EXPECT_EQ(line["digest"], written.manifest_digest);
  EXPECT_EQ(written.digest, written.manifest_digest);
  const json manifest = BlobJson(written.manifest_digest);
  EXPECT_EQ(manifest["config"]["digest"], written.config_digest);
  ASSERT_EQ(manifest["layers"].size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(manifest["layers"][i]["digest"], written.layer_digests[i]);
    EXPECT_EQ(manifest["layers"][i]["size"], Blob(written.layer_digests[i]).size());
  }
  EXPECT_EQ(written.layer_digests[1], written.diff_ids[1]) << "a layer that is not compressed is its own diff";
  EXPECT_NE(written.layer_digests[0], written.diff_ids[0]);
}

TEST_F(ImageLayoutTest, SameDescriptionGivesTheSameDigests) {
  const WrittenImage first = Write(directory_, TwoLayers());
  LetTimePass(std::chrono::seconds(1));  // a time in a gzip or tar header has seconds
  const WrittenImage second = Write(directory_, TwoLayers());
  EXPECT_EQ(first.digest, second.digest);
}

TEST_F(ImageLayoutTest, IndexPutsAForeignPlatformFirst) {
  ImageDescription image = TwoLayers();
  image.with_index = true;
  const WrittenImage written = Write(directory_, image);
  const json index = BlobJson(written.digest);
  ASSERT_EQ(index["manifests"].size(), 2u);
  EXPECT_EQ(index["manifests"][0]["platform"]["architecture"], "s390x");
  EXPECT_EQ(index["manifests"][1]["digest"], written.manifest_digest);
}

TEST_F(ImageLayoutTest, SeveralImagesStandInOneLayout) {
  ImageDescription other = TwoLayers();
  other.reference = "registry.example/team/other:2";
  other.config.cmd = {"--other"};
  ASSERT_TRUE(WriteImageLayout(directory_, {TwoLayers(), other}).ok());
  EXPECT_EQ(json::parse(Read("index.json"))["manifests"].size(), 2u);
}

TEST_F(ImageLayoutTest, UnwritableDirectoryIsNamed) {
  const absl::StatusOr<std::vector<WrittenImage>> written = WriteImageLayout("/dev/null/layout", {TwoLayers()});
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(std::string(written.status().message()), testing::HasSubstr("/dev/null/layout"));
}

// skopeo is a reader that we did not write: what it accepts, others accept.
class SkopeoTest : public ImageLayoutTest, public testing::WithParamInterface<std::tuple<ManifestFormat, bool>> {};

TEST_P(SkopeoTest, ReadsWhatWeWrite) {
  if (access(kSkopeo, X_OK) != 0) GTEST_SKIP() << "needs " << kSkopeo;
  ImageDescription image = TwoLayers();
  image.format = std::get<0>(GetParam());
  image.with_index = std::get<1>(GetParam());
  const WrittenImage written = Write(directory_, image);
  const json seen = json::parse(Skopeo({"inspect", absl::StrCat("oci:", directory_)}), nullptr, false);
  ASSERT_TRUE(seen.is_object());
  EXPECT_EQ(seen["Digest"], written.digest);
  EXPECT_EQ(seen["Layers"], json(written.layer_digests));
  EXPECT_EQ(seen["Env"], json(image.config.env));
  EXPECT_EQ(seen["Labels"]["maintainer"], "nobody");
}

TEST_P(SkopeoTest, CopiesEveryBlobAndFindsItsDigest) {
  if (access(kSkopeo, X_OK) != 0) GTEST_SKIP() << "needs " << kSkopeo;
  ImageDescription image = TwoLayers();
  image.format = std::get<0>(GetParam());
  image.with_index = std::get<1>(GetParam());
  Write(directory_, image);
  const std::string copy = absl::StrCat("dir:", directory_, "/copy");
  Skopeo({"--insecure-policy", "copy", "--quiet", absl::StrCat("oci:", directory_), copy});
  EXPECT_TRUE(Exists(absl::StrCat(directory_, "/copy/manifest.json")));
}

INSTANTIATE_TEST_SUITE_P(Formats, SkopeoTest,
                         testing::Combine(testing::Values(ManifestFormat::kOci, ManifestFormat::kDockerSchema2),
                                          testing::Bool()),
                         [](const testing::TestParamInfo<std::tuple<ManifestFormat, bool>>& test) {
                           return absl::StrCat(std::get<0>(test.param) == ManifestFormat::kOci ? "Oci" : "Docker",
                                               std::get<1>(test.param) ? "Index" : "Manifest");
                         });

struct ArchiveCloser {
  void operator()(archive* a) const { archive_read_free(a); }
};

// The tar as libarchive reads it: one line an entry.
std::vector<std::string> ListTar(const std::string& tar) {
  const std::unique_ptr<archive, ArchiveCloser> a(archive_read_new());
  archive_read_support_format_tar(a.get());
  archive_read_support_filter_all(a.get());
  EXPECT_EQ(archive_read_open_memory(a.get(), tar.data(), tar.size()), ARCHIVE_OK);
  std::vector<std::string> lines;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(a.get(), &entry) == ARCHIVE_OK) {
    std::string line = absl::StrCat(archive_entry_strmode(entry), archive_entry_pathname(entry), " ",
                                    archive_entry_uid(entry), ":", archive_entry_gid(entry));
    if (archive_entry_symlink(entry) != nullptr) absl::StrAppend(&line, " -> ", archive_entry_symlink(entry));
    if (archive_entry_hardlink(entry) != nullptr) absl::StrAppend(&line, " == ", archive_entry_hardlink(entry));
    if (archive_entry_filetype(entry) == AE_IFCHR) {
      absl::StrAppend(&line, " ", archive_entry_rdevmajor(entry), ",", archive_entry_rdevminor(entry));
    }
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      absl::StrAppend(&line, " ", name, "=", absl::string_view(static_cast<const char*>(value), size));
    }
    EXPECT_EQ(archive_entry_mtime(entry), 0);
    lines.push_back(line);
  }
  return lines;
}

TEST(LayerTarTest, HoldsEveryKindOfEntryInTheOrderGiven) {
  LayerEntry owned = FileEntry("owned", "x", 02750);
  owned.uid = 3000000;  // does not fit in the octal field of ustar
  owned.gid = 42;
  owned.xattrs["user.note"] = "kept";
  const absl::StatusOr<std::string> tar =
      MakeLayerTar({DirectoryEntry("d", 01777), owned, SymlinkEntry("d/s", "/owned"), HardlinkEntry("h", "owned"),
                    CharDeviceEntry("null", 1, 3), FifoEntry("pipe"), WhiteoutEntry("a/gone"), WhiteoutEntry("top"),
                    OpaqueEntry("a/b")});
  ASSERT_TRUE(tar.ok()) << tar.status();
  EXPECT_THAT(ListTar(*tar), ElementsAre("drwxrwxrwt d/ 0:0", "-rwxr-s--- owned 3000000:42 user.note=kept",
                                         "lrwxrwxrwx d/s 0:0 -> /owned", "hrw-r--r-- h 0:0 == owned",
                                         "crw-rw-rw- null 0:0 1,3", "prw-r--r-- pipe 0:0", "-rw-r--r-- a/.wh.gone 0:0",
                                         "-rw-r--r-- .wh.top 0:0", "-rw-r--r-- a/b/.wh..wh..opq 0:0"));
}

TEST(LayerTarTest, CompressedTarsReadBack) {
  const std::string large(3 << 20, 'x');
  const absl::StatusOr<std::string> tar = MakeLayerTar({FileEntry("large", large)});
  ASSERT_TRUE(tar.ok());
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    const absl::StatusOr<std::string> packed = Compress(*tar, compression);
    ASSERT_TRUE(packed.ok()) << packed.status();
    EXPECT_THAT(ListTar(*packed), ElementsAre("-rw-r--r-- large 0:0"));
    EXPECT_EQ(packed->size() < tar->size() / 10, compression != Compression::kNone);
  }
}

}  // namespace
}  // namespace crisp
