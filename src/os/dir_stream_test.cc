#include "os/dir_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>

#include "os/testing/test_dir.h"

namespace crisp {
namespace {

Fd Open(const std::string& path, int flags = O_RDONLY | O_DIRECTORY) {
  return Fd(open(path.c_str(), flags | O_CLOEXEC));
}

TEST(DirStreamTest, GivesEachEntryOnceAndNeitherDotNorDotDot) {
  const TestDir dir;
  ASSERT_EQ(mkdir((dir.path() + "/.hidden").c_str(), 0755), 0);
  ASSERT_EQ(mkdir((dir.path() + "/...").c_str(), 0755), 0);
  DirStream stream(Open(dir.path()));
  std::multiset<std::string> names;
  while (const dirent* entry = stream.Next()) {
    names.insert(entry->d_name);
    EXPECT_EQ(entry->d_type, DT_DIR);
  }
  EXPECT_EQ(names, (std::multiset<std::string>{".hidden", "..."}));
  EXPECT_EQ(stream.error(), 0);
  EXPECT_EQ(stream.Next(), nullptr);
}

TEST(DirStreamTest, ItsDescriptorIsTheDirectory) {
  const TestDir dir;
  const DirStream stream(Open(dir.path()));
  EXPECT_EQ(mkdirat(stream.fd(), "below", 0755), 0);
  EXPECT_EQ(access((dir.path() + "/below").c_str(), F_OK), 0);
}

TEST(DirStreamTest, WhatIsNoDirectoryIsAnErrorThatStays) {
  DirStream none{Fd()};
  EXPECT_EQ(none.error(), EBADF);
  EXPECT_EQ(none.fd(), -1);
  DirStream file(Open("/proc/self/stat", O_RDONLY));
  EXPECT_EQ(file.Next(), nullptr);
  EXPECT_EQ(file.error(), ENOTDIR);
}

TEST(DirStreamTest, AnErrorOfReadingIsNotTheEnd) {
  DirStream stream(Open("/proc/self"));
  const Fd file = Open("/proc/self/stat", O_RDONLY);
  ASSERT_GE(dup2(file.get(), stream.fd()), 0);
  EXPECT_EQ(stream.Next(), nullptr);
  EXPECT_EQ(stream.error(), ENOTDIR);
}

}  // namespace
}  // namespace crisp
