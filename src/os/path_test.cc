#include "os/path.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace crisp {
namespace {

TEST(PathTest, DotsAndSlashesGo) {
  EXPECT_EQ(LexicallyNormalPath("/a//b/./c/../d/"), "/a/b/d");
  EXPECT_EQ(LexicallyNormalPath("//a"), "/a");
  EXPECT_EQ(LexicallyNormalPath("/"), "/");
  EXPECT_EQ(LexicallyNormalPath("/.."), "/");
  EXPECT_EQ(LexicallyNormalPath("/../../etc"), "/etc");
}

TEST(PathTest, ARelativePathStaysRelative) {
  EXPECT_EQ(LexicallyNormalPath("a/../../b"), "../b");
  EXPECT_EQ(LexicallyNormalPath("a/.."), ".");
  EXPECT_EQ(LexicallyNormalPath("../.."), "../..");
  EXPECT_EQ(LexicallyNormalPath(""), "");
}

TEST(PathTest, TheStandardLibraryAgrees) {
  for (const char* path : {"/a/b/../../..", "/a/.b/..c/...", "a/./b", "/./..//x", "./x/../..", "..//.", "/a/b/c"}) {
    std::string standard = std::filesystem::path(path).lexically_normal().string();
    if (standard.size() > 1 && standard.back() == '/') standard.pop_back();
    EXPECT_EQ(LexicallyNormalPath(path), standard) << path;
  }
}

}  // namespace
}  // namespace crisp
