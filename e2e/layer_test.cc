// What containers see of an image's layers: the image kOddLayers, whose content is described in images.cc.
#include <sys/stat.h>
#include <sys/xattr.h>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class LayerTest : public NodeTest {
 protected:
  void Begin() override {
    Must(cri().Pull(kOddLayers));
    cri::ContainerConfig config = ContainerRunning("odd", {"sleep", "1000"});
    config.mutable_image()->set_image(kOddLayers);
    container_ = Start(RunPod("layers"), config);
    root_ = ProcPath(PidOf(container_), "root/");
  }

  // Standard output of a script that runs in /odd.
  std::string In(const std::string& script) { return Sh(container_, "cd /odd; " + script); }
  struct stat Stat(const std::string& path) {
    struct stat info {};
    if (lstat((root_ + path).c_str(), &info) != 0) throw std::runtime_error("no " + path + " in the container");
    return info;
  }
  std::string Xattr(const std::string& path, const char* name) {
    char value[256];
    const ssize_t size = getxattr((root_ + path).c_str(), name, value, sizeof value);
    return size < 0 ? "none" : std::string(value, static_cast<size_t>(size));
  }

  std::string container_;
  std::string root_;
};

TEST_F(LayerTest, AnEntryBelowASymlinkedParentLandsWhereTheLinkLeads) {
  EXPECT_EQ(In("cat real/through-link real/through-absolute; readlink link; readlink absolute"),
            "throughthroughreal\n/odd/real\n");
  EXPECT_EQ(In("cat real/below"), "below");
  EXPECT_EQ(Stat("odd/real").st_mode & 07777, 0750u);
}

TEST_F(LayerTest, AnEntryWhoseParentStandsBelowKeepsTheParentsMode) {
  EXPECT_EQ(Stat("odd/sticky").st_mode & 07777, 01770u);
  EXPECT_EQ(In("cat sticky/inner"), "inner");
}

TEST_F(LayerTest, AnEntryWithoutAnyParentGetsThem) {
  EXPECT_EQ(In("cat nowhere/at/all"), "made");
}

TEST_F(LayerTest, WhiteoutsHideAndOpaqueDirectoriesStartAnew) {
  EXPECT_EQ(In("ls -d gone gone-tree 2>/dev/null; ls opaque; cat opaque/new"), "new\nnew");
  EXPECT_EQ(In("find / -xdev -name '.wh.*'"), "");
}

TEST_F(LayerTest, ATypeMayChangeFromLayerToLayer) {
  EXPECT_EQ(In("cat file-to-dir/inner dir-to-file"), "innerfile");
}

TEST_F(LayerTest, HardLinksAreOneFile) {
  EXPECT_EQ(Stat("odd/one").st_ino, Stat("odd/two").st_ino);
  EXPECT_EQ(Stat("odd/one").st_nlink, 2u);
  EXPECT_EQ(Stat("odd/three").st_ino, Stat("odd/four").st_ino);
  EXPECT_EQ(In("cat one two three four"), "hardhardagainagain");
}

TEST_F(LayerTest, OwnersModesAndXattrsAreKept) {
  EXPECT_EQ(Stat("odd/setuid").st_mode & 07777, 06755u);
  EXPECT_EQ(Stat("odd/setuid").st_uid, 1234u);
  EXPECT_EQ(Stat("odd/setuid").st_gid, 50u);
  EXPECT_THAT(Xattr("odd/xattr", "security.capability"), SizeIs(20));
  EXPECT_EQ(Xattr("odd/xattr", "user.note"), "kept");
  EXPECT_EQ(Stat("tmp").st_mode & 07777, 01777u);
}

TEST_F(LayerTest, SparseFilesLongNamesAndFifosComeOutWhole) {
  const std::string sparse = ReadFile(root_ + "odd/sparse");
  EXPECT_EQ(sparse, std::string(1 << 20, '\0') + "data" + std::string(1 << 20, '\0'));
  EXPECT_LT(Stat("odd/sparse").st_blocks * 512, 64 << 10) << "its holes take room";
  EXPECT_EQ(In("cat " + std::string(200, 'n')), "long");
  EXPECT_EQ(In("cat " + std::string(90, 'a') + "/" + std::string(90, 'b') + "/" + std::string(90, 'c') + "/file"),
            "deep");
  EXPECT_TRUE(S_ISFIFO(Stat("odd/fifo").st_mode));
}

}  // namespace
}  // namespace crisp::e2e
