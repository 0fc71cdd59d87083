// What a layer comes out as, on top of others: as if its tar had been unpacked onto them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "absl/strings/str_cat.h"
#include "images/testing/layer_test.h"
#include "os/file.h"
#include "os/process.h"

namespace crisp {
namespace {

using Tree = std::map<std::string, std::string>;

class LayerSemanticsTest : public LayerTest {
 protected:
  static std::vector<std::string> NamesOf(const Tree& tree) {
    std::vector<std::string> names;
    for (const auto& [name, line] : tree) {
      if (!name.empty()) names.push_back(name);
    }
    return names;
  }
};

using testing::ElementsAre;
using testing::HasSubstr;

TarEntry Entry(char type, const std::string& name) {
  TarEntry entry;
  entry.type = type;
  entry.name = name;
  return entry;
}

// Parents that the layer does not carry.

TEST_F(LayerSemanticsTest, AnEntryBelowASymlinkOfALowerLayerGoesWhereItPoints) {
  TarBuilder base, above;
  base.Dir("usr").Dir("usr/lib", 0711, 5, 6).Symlink("lib", "usr/lib").File("usr/lib/a", "a");
  above.File("lib/b", "b");
  const Tree tree = Merged({base, above});
  EXPECT_THAT(NamesOf(tree), ElementsAre("lib", "usr", "usr/lib", "usr/lib/a", "usr/lib/b"));
  EXPECT_THAT(tree.at("lib"), HasSubstr("-> usr/lib"));
  EXPECT_EQ(tree.at("usr/lib"), "040711 5:6");
}

TEST_F(LayerSemanticsTest, LinksOnTheWayAreFollowedInsideTheRoot) {
  TarBuilder base, above;
  base.Dir("a").Dir("a/real").Symlink("a/abs", "/a/real").Symlink("a/up", "../../../../a/abs").Symlink("chain", "a/up");
  above.File("chain/file", "x").File("a/up/second", "y");
  const Tree tree = Merged({base, above});
  EXPECT_EQ(tree.count("a/real/file"), 1u);
  EXPECT_EQ(tree.count("a/real/second"), 1u);
  EXPECT_EQ(tree.size(), 8u) << testing::PrintToString(NamesOf(tree));
}

TEST_F(LayerSemanticsTest, AnAbsentParentIsMadeForRootWith0755) {
  TarBuilder tar;
  tar.File("a/b/c", "x");
  const Tree tree = Merged({tar});
  EXPECT_EQ(tree.at("a"), "040755 0:0");
  EXPECT_EQ(tree.at("a/b"), "040755 0:0");
}

TEST_F(LayerSemanticsTest, AParentOfALowerLayerKeepsItsModeOwnerAndAttributes) {
  TarBuilder base, above;
  TarEntry dir = Entry('5', "srv");
  dir.mode = 02775;
  dir.uid = 1000;
  dir.gid = 1001;
  dir.pax["SCHILY.xattr.user.color"] = "blue";
  base.Add(dir).Dir("srv/deep", 0700, 7, 8);
  above.File("srv/deep/file", "x");
  const Tree tree = Merged({base, above});
  EXPECT_EQ(tree.at("srv"), "042775 1000:1001 user.color=blue");
  EXPECT_EQ(tree.at("srv/deep"), "040700 7:8");
  EXPECT_EQ(tree.at("srv/deep/file"), "100644 0:0 1000000000.0 1 \"x\"")
      << "setgid of the parent must not be inherited";
}

TEST_F(LayerSemanticsTest, AParentIsThatOfTheNearestLowerLayer) {
  TarBuilder one, two, three, four;
  one.Dir("d", 0700).File("d/old", "x");
  two.Dir("d", 0711);
  three.File("other", "x");
  four.File("d/new", "x");
  EXPECT_EQ(Merged({one, two, three, four}).at("d"), "040711 0:0");
}

TEST_F(LayerSemanticsTest, AParentThatALowerLayerHidIsANewOne) {
  TarBuilder one, two, three;
  one.Dir("d", 0700, 5, 5).File("d/old", "x");
  two.File(".wh.d", "");
  three.File("d/new", "x");
  const Tree tree = Merged({one, two, three});
  EXPECT_EQ(tree.at("d"), "040755 0:0");
  EXPECT_THAT(NamesOf(tree), ElementsAre("d", "d/new"));
}

TEST_F(LayerSemanticsTest, AParentBelowAnOpaqueDirectoryOfALowerLayerIsANewOne) {
  TarBuilder one, two, three;
  one.Dir("d").Dir("d/sub", 0700, 5, 5).File("d/sub/old", "x");
  two.Dir("d").File("d/.wh..wh..opq", "");
  three.File("d/sub/new", "x");
  const Tree tree = Merged({one, two, three});
  EXPECT_EQ(tree.at("d/sub"), "040755 0:0");
  EXPECT_THAT(NamesOf(tree), ElementsAre("d", "d/sub", "d/sub/new"));
}

TEST_F(LayerSemanticsTest, AParentThatComesLaterInTheTarCounts) {
  TarBuilder base, above;
  base.Dir("d", 0700, 5, 5);
  above.File("d/file", "x").Dir("d", 0751, 1, 2);
  EXPECT_EQ(Merged({base, above}).at("d"), "040751 1:2");
}

TEST_F(LayerSemanticsTest, AFileOnTheWayIsRefused) {
  TarBuilder base, above;
  base.File("f", "x");
  above.File("f/below", "x");
  EXPECT_EQ(Refusal({base, above}).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LayerSemanticsTest, LinksInACircleAreRefused) {
  TarBuilder base, above;
  base.Symlink("a", "b").Symlink("b", "a");
  above.File("a/file", "x");
  EXPECT_THAT(std::string(Refusal({base, above}).message()), HasSubstr("too many symbolic links"));
}

// Whiteouts.

TEST_F(LayerSemanticsTest, AWhiteoutHidesAFileADirectoryAndALink) {
  TarBuilder base, above;
  base.File("file", "x").Dir("dir").File("dir/in", "x").Symlink("link", "file").File("kept", "x");
  above.File(".wh.file", "").File(".wh.dir", "").File(".wh.link", "").File(".wh.never-there", "");
  EXPECT_THAT(NamesOf(Merged({base, above})), ElementsAre("kept"));
}

TEST_F(LayerSemanticsTest, AnEntryOfTheSameLayerWinsOverAWhiteoutInEitherOrder) {
  TarBuilder base, above;
  base.File("a", "old").File("b", "old").Dir("c").File("c/old", "x").Dir("d").File("d/old", "x");
  above.File(".wh.a", "").File("a", "new").File("b", "new").File(".wh.b", "");
  above.File(".wh.c", "").Dir("c").File("c/new", "x").Dir("d").File("d/new", "x").File(".wh.d", "");
  const Tree tree = Merged({base, above});
  EXPECT_THAT(NamesOf(tree), ElementsAre("a", "b", "c", "c/new", "d", "d/new"));
  EXPECT_THAT(tree.at("a"), HasSubstr("new"));
  EXPECT_THAT(tree.at("b"), HasSubstr("new"));
}

TEST_F(LayerSemanticsTest, AnOpaqueDirectoryShowsOnlyItsOwnInEitherOrder) {
  TarBuilder base, above;
  base.Dir("d").File("d/old", "x").Dir("e").File("e/old", "x").Dir("e/sub", 0700).File("e/sub/old", "x");
  above.Dir("d").File("d/.wh..wh..opq", "").File("d/new", "x");
  above.Dir("e").File("e/new", "x").File("e/.wh..wh..opq", "").File("e/sub/new", "x");
  const Tree tree = Merged({base, above});
  EXPECT_THAT(NamesOf(tree), ElementsAre("d", "d/new", "e", "e/new", "e/sub", "e/sub/new"));
  EXPECT_EQ(tree.at("e/sub"), "040755 0:0");
}

TEST_F(LayerSemanticsTest, AnOpaqueRootHidesAllLayersBelow) {
  TarBuilder base, above;
  base.File("old", "x").Dir("d", 0700);
  above.File(".wh..wh..opq", "").File("d/new", "x");
  const Tree tree = Merged({base, above});
  EXPECT_THAT(NamesOf(tree), ElementsAre("d", "d/new"));
  EXPECT_EQ(tree.at("d"), "040755 0:0");
}

TEST_F(LayerSemanticsTest, BookkeepingOfAufsIsLeftOut) {
  TarBuilder tar;
  tar.File(".wh..wh.aufs", "").Dir(".wh..wh.plnk").File(".wh..wh.plnk/12", "x").File("kept", "x");
  EXPECT_THAT(NamesOf(Merged({tar})), ElementsAre("kept"));
}

TEST_F(LayerSemanticsTest, ACharacterDeviceZeroIsAWhiteout) {
  TarBuilder base, above;
  base.File("a", "x").File("b", "x");
  above.Add(Entry('3', "a"));
  EXPECT_THAT(NamesOf(Merged({base, above})), ElementsAre("b"));
}

// overlayfs lists a whiteout in a directory that only one layer has as an entry that cannot be found.
TEST_F(LayerSemanticsTest, AWhiteoutOfNothingIsNoEntry) {
  TarBuilder base, above, top;
  base.Dir("x").File("x/.wh.nothing", "").File("x/new", "1").File(".wh.at-the-root", "");
  above.Dir("y").File("y/.wh.nothing", "").File("y/new", "1").Dir("x").File("x/.wh.other", "");
  top.Dir("z").File("z/.wh..wh..opq", "").File("z/.wh.nothing", "").File("z/new", "1").File("y/.wh.nothing", "");
  const Tree tree = Merged({base, above, top});
  EXPECT_THAT(NamesOf(tree), ElementsAre("x", "x/new", "y", "y/new", "z", "z/new"));
  for (const char* dir : {"", "x", "y", "z"}) {
    for (const std::string& name : Names(absl::StrCat(dir_, "/merged1/", dir))) {
      EXPECT_TRUE(Exists(absl::StrCat(dir_, "/merged1/", dir, "/", name))) << dir << " " << name;
    }
  }
}

TEST_F(LayerSemanticsTest, AWhiteoutMakesNoDirectory) {
  TarBuilder base, above;
  base.File("kept", "x").Symlink("l", "nowhere").File("f", "x");
  above.File("none/.wh.x", "").File("none/deep/.wh..wh..opq", "").File("l/.wh.x", "").File("f/.wh.x", "");
  EXPECT_THAT(NamesOf(Merged({base, above})), ElementsAre("f", "kept", "l"));
}

TEST_F(LayerSemanticsTest, ADirectoryThatIsRemovedStaysRemovedWhateverIsRemovedInIt) {
  TarBuilder base, child_first, child_last;
  base.Dir("a", 0700).File("a/x", "x").Dir("a/b").File("a/b/y", "y").File("keep", "k");
  child_first.File("a/.wh.x", "").File("a/b/.wh..wh..opq", "").File("a/b/.wh.y", "").File(".wh.a", "");
  child_last.File(".wh.a", "").File("a/.wh.x", "").File("a/b/.wh.y", "").File("a/.wh..wh..opq", "");
  for (const TarBuilder& above : {child_first, child_last}) {
    EXPECT_THAT(NamesOf(Merged({base, above})), ElementsAre("keep"));
  }
}

TEST_F(LayerSemanticsTest, WhiteoutsBelowDirectoriesThatTheLayerDoesNotCarryAreMade) {
  TarBuilder base, above;
  base.Dir("a", 0711, 3, 4).Dir("a/b", 0750).File("a/b/x", "x").File("a/b/y", "y").Symlink("l", "a/b");
  above.File("a/b/.wh.x", "").File("l/.wh.y", "");
  const Tree tree = Merged({base, above});
  EXPECT_THAT(NamesOf(tree), ElementsAre("a", "a/b", "l"));
  EXPECT_EQ(tree.at("a"), "040711 3:4");
  EXPECT_EQ(tree.at("a/b"), "040750 0:0");
}

TEST_F(LayerSemanticsTest, AnEntryBelowARemovedDirectoryMakesItAnew) {
  TarBuilder base, before, after;
  base.Dir("a", 0700, 3, 4).File("a/x", "x").Dir("a/b", 0700).File("a/b/y", "y");
  before.File(".wh.a", "").File("a/b/new", "n");
  after.File("a/b/new", "n").File(".wh.a", "");
  for (const TarBuilder& above : {before, after}) {
    const Tree tree = Merged({base, above});
    EXPECT_THAT(NamesOf(tree), ElementsAre("a", "a/b", "a/b/new"));
    EXPECT_EQ(tree.at("a"), "040755 0:0");
    EXPECT_EQ(tree.at("a/b"), "040755 0:0");
  }
}

TEST_F(LayerSemanticsTest, WhatIsCopiedUpForAHardLinkGoesWithItsWhiteout) {
  TarBuilder base, above;
  base.Dir("a").File("a/x", "x").Dir("b").File("b/x", "x").File("c", "x").Dir("d").File("d/x", "x");
  above.Link("from-a", "a/x").File(".wh.a", "").Link("from-b", "b/x").File("b/.wh..wh..opq", "");
  above.Link("from-c", "c").File(".wh.c", "").Link("from-d", "d/x").File("d/own", "o").File(".wh.d", "");
  EXPECT_THAT(NamesOf(Merged({base, above})), ElementsAre("b", "d", "d/own", "from-a", "from-b", "from-c", "from-d"));
}

// One entry in place of another.

TEST_F(LayerSemanticsTest, AFileReplacesADirectoryAndTheOtherWayRound) {
  TarBuilder base, above;
  base.Dir("d").File("d/in", "x").File("f", "x").Symlink("l", "d");
  above.File("d", "now a file").Dir("f").File("f/in", "x").Dir("l").File("l/own", "x");
  const Tree tree = Merged({base, above});
  EXPECT_THAT(NamesOf(tree), ElementsAre("d", "f", "f/in", "l", "l/own"));
  EXPECT_THAT(tree.at("d"), HasSubstr("now a file"));
}

TEST_F(LayerSemanticsTest, WithinOneTarTheLastOneWins) {
  TarBuilder base, tar;
  base.Dir("x").File("x/lower", "x");
  tar.Dir("a").Dir("a/deep").File("a/deep/f", "1").File("a", "file").Dir("a").File("a/g", "2");
  tar.File("x", "file").Dir("x").File("x/own", "x").Symlink("s", "a").File("s", "not a link");
  const Tree tree = Merged({base, tar});
  EXPECT_THAT(NamesOf(tree), ElementsAre("a", "a/g", "s", "x", "x/own"));
  EXPECT_THAT(tree.at("s"), HasSubstr("100644"));
}

TEST_F(LayerSemanticsTest, ADirectoryThatComesTwiceKeepsItsContent) {
  TarBuilder tar;
  tar.Dir("d", 0700).File("d/f", "x").Dir("d", 0511, 9, 9);
  const Tree tree = Merged({tar});
  EXPECT_EQ(tree.at("d"), "040511 9:9");
  EXPECT_EQ(tree.count("d/f"), 1u);
}

// Hard links.

TEST_F(LayerSemanticsTest, AHardLinkIsTheSameFile) {
  TarBuilder tar;
  tar.File("a", "x").Link("sub/b", "a").Symlink("l", "nowhere").Link("m", "./l").Link("c", "/sub/b");
  const Tree tree = Merged({tar});
  EXPECT_THAT(tree.at("sub/b"), HasSubstr("= a"));
  EXPECT_THAT(tree.at("c"), HasSubstr("= a"));
  EXPECT_THAT(tree.at("m"), HasSubstr("-> nowhere = l"));
}

TEST_F(LayerSemanticsTest, AHardLinkToAFileOfALowerLayerTakesItWithIt) {
  TarBuilder base, above;
  TarEntry file = Entry('0', "usr/bin/ping");
  file.content = std::string(100000, 'p');
  file.mode = 04755;
  file.uid = 3;
  file.pax["SCHILY.xattr.security.capability"] = std::string("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  base.Dir("usr").Dir("usr/bin", 0711, 5, 5).Add(file).Symlink("bin", "usr/bin").Symlink("usr/bin/sym", "ping");
  above.Dir("opt").Link("opt/ping", "bin/ping").Link("opt/sym", "usr/bin/sym");
  const Tree tree = Merged({base, above});
  const std::string alone = tree.at("opt/ping");
  EXPECT_THAT(alone, HasSubstr("104755 3:0 1000000000.0 100000 sha256:"));
  EXPECT_THAT(alone, HasSubstr("security.capability="));
  EXPECT_THAT(tree.at("usr/bin/ping"), HasSubstr("= opt/ping"));
  EXPECT_THAT(tree.at("usr/bin/sym"), HasSubstr("-> ping = opt/sym"));
  EXPECT_EQ(tree.at("usr/bin"), "040711 5:5");
}

TEST_F(LayerSemanticsTest, AHardLinkToItselfChangesNothing) {
  TarBuilder base, above;
  base.File("f", "x");
  above.Link("f", "f");
  EXPECT_EQ(Merged({base, above}), Merged({base}));
}

// Metadata.

TEST_F(LayerSemanticsTest, SetuidAndCapabilitiesOutliveTheChangeOfOwner) {
  TarBuilder tar;
  TarEntry file = Entry('0', "su");
  file.content = "elf";
  file.mode = 06755;
  file.uid = 1000;
  file.gid = 1000;
  file.pax["SCHILY.xattr.security.capability"] = std::string("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  tar.Add(file).Dir("tmp", 01777);
  const Tree tree = Merged({tar});
  EXPECT_THAT(tree.at("su"), HasSubstr("106755 1000:1000"));
  EXPECT_THAT(tree.at("su"), HasSubstr("security.capability="));
  EXPECT_EQ(tree.at("tmp"), "041777 0:0");
}

TEST_F(LayerSemanticsTest, ModesDoNotDependOnTheUmask) {
  const mode_t before = umask(0077);
  TarBuilder tar;
  tar.Dir("d", 0777).File("d/f", "x", 0666).Add(Entry('6', "fifo"));
  const Tree tree = Merged({tar});
  umask(before);
  EXPECT_EQ(tree.at("d"), "040777 0:0");
  EXPECT_THAT(tree.at("d/f"), HasSubstr("100666"));
  EXPECT_THAT(tree.at("fifo"), HasSubstr("010644"));
}

TEST_F(LayerSemanticsTest, TimesAreExactAlsoThoseOfDirectories) {
  TarBuilder tar;
  TarEntry dir = Entry('5', "d");
  dir.pax["mtime"] = "1234567890.123456789";
  TarEntry file = Entry('0', "d/f");
  file.mtime = 5;
  TarEntry link = Entry('2', "d/l");
  link.link = "f";
  link.mtime = 77;
  tar.Add(dir).Add(file).Add(link);
  Merged({tar});
  const Tree tree = ListTree(absl::StrCat(dir_, "/merged1"), true);
  EXPECT_THAT(tree.at("d"), HasSubstr(" 1234567890.123456789"));
  EXPECT_THAT(tree.at("d/l"), HasSubstr(" 77.0"));
  EXPECT_THAT(tree.at("d/f"), HasSubstr(" 5.0"));
}

TEST_F(LayerSemanticsTest, DefaultAclsAreKeptAndNotInheritedWhileUnpacking) {
  const std::string acl("\2\0\0\0\1\0\7\0\377\377\377\377\4\0\7\0\377\377\377\377\40\0\0\0\377\377\377\377", 28);
  TarBuilder tar;
  TarEntry dir = Entry('5', "d");
  dir.pax["SCHILY.xattr.system.posix_acl_default"] = acl;
  tar.Add(dir).File("d/f", "x").Dir("d/sub");
  const Tree tree = Merged({tar});
  EXPECT_THAT(tree.at("d"), HasSubstr("system.posix_acl_default="));
  EXPECT_EQ(tree.at("d/sub"), "040755 0:0");
  EXPECT_EQ(tree.at("d/f"), "100644 0:0 1000000000.0 1 \"x\"");
}

TEST_F(LayerSemanticsTest, LargeOwnersDevicesAndFifosAreKept) {
  TarBuilder tar;
  TarEntry file = Entry('0', "f");
  file.uid = 4000000000;
  file.gid = 0xfffffffe;
  TarEntry device = Entry('3', "null");
  device.major = 1;
  device.minor = 3;
  device.mode = 0666;
  TarEntry disk = Entry('4', "disk");
  disk.major = 8;
  disk.minor = 300;
  tar.Add(file).Add(device).Add(disk);
  const Tree tree = Merged({tar});
  EXPECT_THAT(tree.at("f"), HasSubstr("4000000000:4294967294"));
  EXPECT_THAT(tree.at("null"), HasSubstr("020666 0:0 1000000000.0 1,3"));
  EXPECT_THAT(tree.at("disk"), HasSubstr("060644 0:0 1000000000.0 8,300"));
}

TEST_F(LayerSemanticsTest, TheRootIsThatOfTheTopmostLayerThatHasIt) {
  TarBuilder one, two, three;
  TarEntry root = Entry('5', "./");
  root.mode = 0700;
  root.pax["SCHILY.xattr.user.a"] = "b";
  one.Dir("./", 0711);
  two.Add(root);
  three.File("f", "x");
  EXPECT_EQ(Merged({one, two, three}).at(""), "040700 0:0 user.a=b");
  EXPECT_EQ(Merged({three}).at(""), "040755 0:0");
}

// Names and contents.

TEST_F(LayerSemanticsTest, NamesAreTheBytesOfTheTar) {
  const std::string composed = "caf\xc3\xa9", decomposed = "cafe\xcc\x81", invalid = "bad\xff\xfe", odd = "a\nb\\c*";
  const std::string long_name = std::string(200, 'n') + "/" + std::string(200, 'm') + "\xc3\xa9";
  TarBuilder tar;
  for (const std::string& name : {composed, decomposed, invalid, odd}) {
    TarEntry file = Entry('0', "x");
    file.pax["path"] = "pax/" + name;
    TarEntry link = Entry('2', "x");
    link.pax["path"] = "link/" + name;
    link.pax["linkpath"] = name;
    tar.File("ustar/" + name, "x").Add(file).Add(link);
  }
  tar.File(long_name, "x").Symlink("long", long_name);
  setlocale(LC_ALL, "C.UTF-8");  // as if some library had
  const Tree tree = Merged({tar});
  setlocale(LC_ALL, "C");
  for (const std::string& name : {composed, decomposed, invalid, odd}) {
    EXPECT_EQ(tree.count("ustar/" + name), 1u) << name;
    EXPECT_EQ(tree.count("pax/" + name), 1u) << name;
    ASSERT_EQ(tree.count("link/" + name), 1u) << name;
    EXPECT_THAT(tree.at("link/" + name), HasSubstr("-> " + name));
  }
  EXPECT_EQ(tree.count(long_name), 1u);
  EXPECT_THAT(tree.at("long"), HasSubstr("-> " + long_name));
}

TEST_F(LayerSemanticsTest, SparseFilesStaySparse) {
  // GNU sparse format 1.0: the map is the first block of the data.
  std::string map = "2\n1048576\n5\n104857600\n0\n";
  map.resize(512, '\0');
  TarEntry file = Entry('0', "GNUSparseFile.1/f");
  file.content = map + "hello";
  file.pax = {{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", "f"},
              {"GNU.sparse.realsize", "104857600"}};
  TarBuilder tar;
  tar.Add(file);
  Merged({tar});
  struct stat info {};
  ASSERT_EQ(stat((dir_ + "/merged1/f").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 104857600);
  EXPECT_LE(info.st_blocks * 512, 65536);
  EXPECT_LE(store_->Usage()->used_bytes, 65536u);
  const Fd fd = *OpenAt(AT_FDCWD, dir_ + "/merged1/f", O_RDONLY);
  char data[7] = {};
  ASSERT_EQ(pread(fd.get(), data, 7, 1048575), 7);
  EXPECT_EQ(std::string(data, 7), std::string("\0hello\0", 7));
}

TEST_F(LayerSemanticsTest, ATarWithoutEntriesIsAnEmptyLayer) {
  EXPECT_EQ(Merged({TarBuilder()}).size(), 1u);
  const LayerDescriptor nothing = source_.Add(Gzip(""), "");
  EXPECT_EQ(Unpack({nothing}).status(), absl::OkStatus());
}

// The reference: GNU tar, unpacking one tar after the other into the same directory.
TEST_F(LayerSemanticsTest, TheResultIsThatOfGnuTar) {
  if (!Exists("/bin/tar")) GTEST_SKIP() << "needs GNU tar";
  const auto run = [](const std::vector<std::string>& args) {
    const auto result = RunCommand({"/bin/tar", args, {"PATH=/bin:/usr/bin"}, "", 1 << 20}, CallContext());
    ASSERT_EQ(result.status(), absl::OkStatus());
    ASSERT_TRUE(result->ok()) << result->Describe();
  };
  // Three trees, written by GNU tar itself in its three formats.
  std::vector<LayerDescriptor> layers;
  const std::string reference = dir_ + "/reference";
  ASSERT_TRUE(MakeDirs(reference, 0755).ok());
  int number = 0;
  for (const char* format : {"gnu", "pax", "ustar"}) {
    const std::string tree = absl::StrCat(dir_, "/tree", ++number);
    ASSERT_TRUE(MakeDirs(tree + "/usr/share/doc", 0755).ok());
    ASSERT_TRUE(MakeDirs(absl::StrCat(tree, "/only-", format, "/x"), 0710).ok());
    for (int i = 0; i < 50; ++i) {
      const std::string file = absl::StrCat(tree, "/usr/share/doc/file-", i * number);
      ASSERT_TRUE(WriteFileAt(AT_FDCWD, file, std::string(static_cast<size_t>(i * i * 100), 'a'), 0644).ok());
      ASSERT_EQ(chmod(file.c_str(), static_cast<mode_t>(0400 + i)), 0);
      ASSERT_EQ(lchown(file.c_str(), static_cast<uid_t>(i), static_cast<gid_t>(2 * i)), 0);
    }
    ASSERT_EQ(link((tree + "/usr/share/doc/file-0").c_str(), (tree + "/usr/linked").c_str()), 0);
    ASSERT_EQ(symlink("share/doc", (tree + "/usr/doc").c_str()), 0);
    ASSERT_EQ(mkfifo((tree + "/fifo").c_str(), 0600), 0);
    const std::string tar = absl::StrCat(tree, ".tar");
    run({absl::StrCat("--format=", format), "--numeric-owner", "-cf", tar, "-C", tree, "."});
    run({"--numeric-owner", "-xpf", tar, "-C", reference});
    const std::string bytes = *ReadFileAt(AT_FDCWD, tar, 100 << 20);
    layers.push_back(source_.Add(Gzip(bytes), bytes));
  }
  const auto lease = Unpack(layers);
  ASSERT_EQ(lease.status(), absl::OkStatus());
  ASSERT_TRUE(MakeDirs(dir_ + "/merged1", 0755).ok());
  mounts_ = 1;
  ASSERT_EQ(store_->MountRootfs(lease->chain_ids(), "c", dir_ + "/merged1"), absl::OkStatus());
  EXPECT_EQ(ListTree(dir_ + "/merged1", true), ListTree(reference, true));
}

}  // namespace
}  // namespace crisp
