// Layers that mean harm: nothing outside the layer's own directory changes, and what is refused leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "absl/strings/str_cat.h"
#include "images/layer_limits.h"
#include "images/testing/layer_test.h"
#include "os/file.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// `dir_/outside` stands for the host: it must stay as it is.
class LayerAttackTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    if (IsSkipped()) return;
    outside_ = dir_ + "/outside";
    ASSERT_TRUE(MakeDirs(outside_, 0700).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, outside_ + "/secret", "secret", 0600).ok());
    before_ = ListTree(outside_, true);
  }
  void TearDown() override {
    if (!IsSkipped()) {
      EXPECT_EQ(ListTree(outside_, true), before_);
    }
    LayerTest::TearDown();
  }

  static TarEntry Entry(char type, const std::string& name) {
    TarEntry entry;
    entry.type = type;
    entry.name = name;
    return entry;
  }

  std::string outside_;
  std::map<std::string, std::string> before_;
};

TEST_F(LayerAttackTest, NamesWithDotDotStayInside) {
  const auto tree = Merged({TarBuilder()
                                .File("../secret", "1")
                                .File("a/../../other", "2")
                                .File("./x/../y", "3")
                                .File("/../z", "4")
                                .Dir("../../../d/..//e")
                                .Symlink("../l", "../../../secret")
                                .File("..", "left out")
                                .File("a/..", "left out")
                                .Link(".", "other")});
  std::vector<std::string> names;
  for (const auto& [name, line] : tree) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("", "e", "l", "other", "secret", "y", "z"));
  EXPECT_THAT(tree.at("secret"), HasSubstr("\"1\""));
  EXPECT_THAT(tree.at("l"), HasSubstr("-> ../../../secret")) << "the target of a symbolic link is kept";
}

TEST_F(LayerAttackTest, WhiteoutsWithDotDotStayInside) {
  const auto tree = Merged({TarBuilder().File("secret", "x").File("d/x", "x").File("kept", "x"),
                            TarBuilder().File("../.wh.secret", "").File("e/../d/.wh.x", "")});
  EXPECT_EQ(tree.count("secret"), 0u);
  EXPECT_EQ(tree.count("d/x"), 0u);
  EXPECT_EQ(tree.count("kept"), 1u);
}

TEST_F(LayerAttackTest, HardLinksWithDotDotStayInside) {
  const auto tree = Merged({TarBuilder().File("f", "mine").Link("d/l", "../../f").Link("m", "d/../f")});
  EXPECT_THAT(tree.at("d/l"), HasSubstr("\"mine\""));
  EXPECT_THAT(tree.at("m"), HasSubstr("\"mine\""));
}

TEST_F(LayerAttackTest, AbsoluteNamesStayInside) {
  const auto tree = Merged({TarBuilder().File(outside_ + "/secret", "new").File("//etc//passwd", "x")});
  EXPECT_EQ(tree.count(outside_.substr(1) + "/secret"), 1u);
  EXPECT_EQ(tree.count("etc/passwd"), 1u);
}

TEST_F(LayerAttackTest, EntriesBelowALinkToTheHostStayInside) {
  const auto tree = Merged({TarBuilder()
                                .Symlink("abs", outside_)
                                .File("abs/secret", "overwritten")
                                .Symlink("up", "../../../../../../../../../.." + outside_)
                                .File("up/new", "x")
                                .Symlink("magic", "/proc/self/root")
                                .File("magic/created", "x")});
  EXPECT_EQ(tree.count(outside_.substr(1) + "/secret"), 1u);
  EXPECT_EQ(tree.count(outside_.substr(1) + "/new"), 1u);
  EXPECT_EQ(tree.count("proc/self/root/created"), 1u);
}

TEST_F(LayerAttackTest, ALinkOfALowerLayerToTheHostStaysInside) {
  const auto tree = Merged({TarBuilder().Symlink("etc", outside_), TarBuilder().File("etc/secret", "overwritten"),
                            TarBuilder().File("etc/.wh.secret", "")});
  EXPECT_EQ(tree.count(outside_.substr(1) + "/secret"), 0u);
  EXPECT_EQ(tree.count(outside_.substr(1)), 1u);
}

TEST_F(LayerAttackTest, AFileInPlaceOfALinkDoesNotWriteThroughIt) {
  const auto tree = Merged({TarBuilder().Symlink("f", outside_ + "/secret").File("f", "mine")});
  EXPECT_THAT(tree.at("f"), HasSubstr("\"mine\""));
}

TEST_F(LayerAttackTest, ModesAndOwnersOfLinksAreNotThoseOfTheirTargets) {
  TarEntry link = Entry('2', "l");
  link.link = outside_ + "/secret";
  link.mode = 06777;
  link.uid = 12345;
  link.pax["SCHILY.xattr.user.a"] = "b";
  const auto tree = Merged({TarBuilder().Add(link)});
  EXPECT_THAT(tree.at("l"), HasSubstr("120777 12345:0"));
}

TEST_F(LayerAttackTest, HardLinksToTheHostAreRefused) {
  for (const std::string& target : {outside_ + "/secret", std::string("../../outside/secret"),
                                    std::string("/etc/passwd"), std::string(""), std::string(".")}) {
    EXPECT_EQ(Refusal({TarBuilder().Link("l", target)}).code(), absl::StatusCode::kDataLoss) << target;
  }
  EXPECT_FALSE(Refusal({TarBuilder().Symlink("out", outside_).Link("l", "out/secret")}).ok());
}

TEST_F(LayerAttackTest, AHardLinkToALinkToTheHostIsOnlyTheLink) {
  const auto tree =
      Merged({TarBuilder().Symlink("s", outside_ + "/secret").Link("h", "s").File("h", "not written through")});
  EXPECT_THAT(tree.at("s"), HasSubstr("-> " + outside_ + "/secret"));
  EXPECT_THAT(tree.at("h"), HasSubstr("not written"));
}

TEST_F(LayerAttackTest, HardLinksToDirectoriesAndInPlaceOfTheirOwnDirectoryAreRefused) {
  EXPECT_FALSE(Refusal({TarBuilder().Dir("d").Link("l", "d")}).ok());
  EXPECT_FALSE(Refusal({TarBuilder().Dir("d").File("d/f", "x").Link("d", "d/f")}).ok());
  EXPECT_FALSE(Refusal({TarBuilder().Dir("d"), TarBuilder().Link("l", "d")}).ok());
  EXPECT_FALSE(Refusal({TarBuilder().File("f", "x"), TarBuilder().File(".wh.f", "").Link("l", "f")}).ok());
}

TEST_F(LayerAttackTest, AttributesOfOverlayfsAreDropped) {
  TarEntry dir = Entry('5', "d");
  dir.mode = 0755;
  dir.pax = {{"SCHILY.xattr.trusted.overlay.opaque", "y"},
             {"SCHILY.xattr.trusted.overlay.redirect", "/secret"},
             {"SCHILY.xattr.trusted.crisp.root", "y"},
             {"SCHILY.xattr.user.kept", "1"}};
  TarEntry file = Entry('0', "f");
  file.pax = {{"SCHILY.xattr.trusted.overlay.metacopy", ""}, {"LIBARCHIVE.xattr.trusted%2eoverlay%2eorigin", "eA"}};
  const auto tree =
      Merged({TarBuilder().Dir("d").File("d/below", "x").Dir("secret", 0700), TarBuilder().Add(dir).Add(file)});
  EXPECT_EQ(tree.count("d/below"), 1u) << "the attribute made the directory opaque";
  EXPECT_EQ(tree.at("d"), "040755 0:0 user.kept=1");
  EXPECT_THAT(tree.at("f"), testing::Not(HasSubstr("trusted")));
}

TEST_F(LayerAttackTest, WhiteoutsOfNoNameAreRefused) {
  for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh.."}) {
    EXPECT_EQ(Refusal({TarBuilder().File(name, "")}).code(), absl::StatusCode::kDataLoss) << name;
  }
}

TEST_F(LayerAttackTest, WhiteoutsOfOtherKindsOfEntryAreOnlyWhiteouts) {
  TarEntry device = Entry('4', ".wh.a");
  device.major = 8;
  const auto tree = Merged({TarBuilder().File("a", "x").File("b", "x").File("c", "x"),
                            TarBuilder().Add(device).Symlink(".wh.b", outside_).Dir(".wh.c")});
  EXPECT_EQ(tree.size(), 1u);
}

TEST_F(LayerAttackTest, OwnersThatMeanNoChangeAreRefused) {
  for (const int64_t id : {int64_t{0xffffffff}, int64_t{0x100000000}, int64_t{-1}}) {
    TarEntry file = Entry('0', "f");
    file.uid = id;
    EXPECT_FALSE(Refusal({TarBuilder().Add(file)}).ok()) << id;
    file.uid = 0;
    file.gid = id;
    EXPECT_FALSE(Refusal({TarBuilder().Add(file)}).ok()) << id;
  }
}

TEST_F(LayerAttackTest, AThousandLevelsAreUnpackedAndRemoved) {
  TarBuilder tar;
  std::string path = "d";
  for (int i = 0; i < 1000; ++i) path += "/d";
  tar.File(path + "/file", "x");
  const auto lease = Unpack({source_.AddGzip(tar)});
  ASSERT_EQ(lease.status(), absl::OkStatus());
  EXPECT_TRUE(Exists(LayerPath(lease->chain_ids()[0]) + "/" + path + "/file"));
  EXPECT_EQ(store_->Usage()->inodes_used, 1003u);
}

TEST_F(LayerAttackTest, LevelsWithoutEndAreRefused) {
  // Through links a path reaches deeper than it is long.
  std::string deep = "d";
  for (int i = 0; i < 1500; ++i) deep += "/d";
  TarBuilder tar;
  tar.Dir(deep).Symlink("l", deep).Dir("l/" + deep);
  const absl::Status status = Refusal({tar});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(LayerAttackTest, NamesThatAreTooLongAreRefused) {
  std::string path;
  while (path.size() < 5000) path += "d/";
  EXPECT_EQ(Refusal({TarBuilder().File(path + "f", "x")}).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Refusal({TarBuilder().File(std::string(256, 'n'), "x")}).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Refusal({TarBuilder().Symlink("l", std::string(5000, 't'))}).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LayerAttackTest, XattrsThatFillTheMemoryAreRefused) {
  // What is kept of directories until the end, each small enough for Linux.
  TarBuilder tar;
  for (int i = 0; i < 1100; ++i) {
    TarEntry dir = Entry('5', absl::StrCat("d", i));
    dir.pax["SCHILY.xattr.user.a"] = std::string(64 << 10, 'x');
    tar.Add(dir);
  }
  EXPECT_EQ(Refusal({tar}).code(), absl::StatusCode::kResourceExhausted);
  TarEntry large = Entry('5', "d");
  large.pax["SCHILY.xattr.user.a"] = std::string((64 << 10) + 1, 'x');
  EXPECT_EQ(Refusal({TarBuilder().Add(large)}).code(), absl::StatusCode::kDataLoss);
  TarEntry long_name = Entry('0', "f");
  long_name.pax["SCHILY.xattr.user." + std::string(300, 'n')] = "x";
  EXPECT_EQ(Refusal({TarBuilder().Add(long_name)}).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LayerAttackTest, ASparseFileLargerThanAllDisksIsRefused) {
  TarEntry file = Entry('0', "f");
  file.pax = {{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", "f"},
              {"GNU.sparse.realsize", "9000000000000000000"}};
  file.content = "1\n8999999999999999999\n1\n";
  file.content.resize(513, '\0');
  EXPECT_EQ(Refusal({TarBuilder().Add(file)}).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(LayerAttackTest, ASparseMapThatFillsTheMemoryIsRefused) {
  // 30 MiB of map that pack into a few KiB, and that a reader would keep as 15 million entries.
  TarEntry file = Entry('0', "f");
  file.pax = {
      {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.name", "f"}, {"GNU.sparse.realsize", "1000"}};
  file.content = "15000000\n";
  while (file.content.size() < 30 << 20) file.content += "1\n0\n1\n0\n1\n0\n1\n0\n";
  const absl::Status status = Refusal({TarBuilder().Add(file)});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("headers"));
}

TEST_F(LayerAttackTest, ABombIsRefusedBeforeItFillsTheDisk) {
  // More than a GiB of zeros in gzip members of one MiB each, as the data of a whiteout, which is read but not written.
  TarEntry file = Entry('0', ".wh.f");
  file.pax["size"] = absl::StrCat(uint64_t{8} << 30);
  std::string blob = Gzip(TarBuilder().Add(file).Build().substr(0, 1536));
  const std::string zeros = Gzip(std::string(1 << 20, '\0'));
  for (int i = 0; i < 1200; ++i) blob += zeros;
  LayerDescriptor bomb = source_.Add(blob, "whatever");
  const absl::Status status = Unpack({bomb}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("bomb"));
  ExpectNothingLeft();
}

TEST_F(LayerAttackTest, DamagedTarsAreRefused) {
  const std::string good = TarBuilder().File("f", std::string(3000, 'x')).Build();
  std::string bad_sum = good;
  bad_sum[0] = 'g';
  const std::string truncated = good.substr(0, 2000);
  const std::string noise(10000, 'n');
  for (const std::string& tar : {bad_sum, truncated, noise}) {
    EXPECT_EQ(Unpack({source_.Add(Gzip(tar), tar)}).status().code(), absl::StatusCode::kDataLoss);
    ExpectNothingLeft();
  }
  TarEntry malformed = Entry('0', "f");
  malformed.pax["path"] = "a";
  std::string pax = TarBuilder().Add(malformed).Build();
  pax[512] = 'z';  // the record's length
  EXPECT_EQ(Unpack({source_.Add(pax, pax)}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LayerAttackTest, MoreLayersThanCanBeMountedAreRefusedBeforeAnyIsFetched) {
  const LayerDescriptor layer = source_.AddGzip(TarBuilder().File("f", "x"));
  const absl::Status status = Unpack(std::vector<LayerDescriptor>(4000, layer)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(source_.fetches(layer), 0);
}

TEST_F(LayerAttackTest, DigestsThatAreNoneAreRefused) {
  LayerDescriptor layer = source_.AddGzip(TarBuilder().File("f", "x"));
  layer.diff_id = "sha256:../../../x";
  EXPECT_FALSE(Unpack({layer}).ok());
}

}  // namespace
}  // namespace crisp
