#include "os/dir_watch.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class DirWatchTest : public testing::Test {
 protected:
  void Write(const std::string& path) { ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + path, "x", 0600).ok()); }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(rename((dir_ + from).c_str(), (dir_ + to).c_str()), 0);
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(DirWatchTest, EveryChangeOfAFileIsToldOnce) {
  ASSERT_TRUE(MakeDirs(dir_ + "/a", 0700).ok());
  DirWatch watch(dir_ + "/a");
  EXPECT_TRUE(watch.Changed()) << "the first look";
  EXPECT_FALSE(watch.Changed());

  Write("/a/one");
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
  Write("/a/one");
  EXPECT_TRUE(watch.Changed()) << "written again";
  Rename("/a/one", "/a/two");
  EXPECT_TRUE(watch.Changed());
  ASSERT_EQ(symlink("two", (dir_ + "/a/link").c_str()), 0);
  EXPECT_TRUE(watch.Changed());
  ASSERT_EQ(unlink((dir_ + "/a/two").c_str()), 0);
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
}

TEST_F(DirWatchTest, ADirectoryThatComesLaterIsSeenAtEveryStep) {
  DirWatch watch(dir_ + "/a/b");
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
  ASSERT_TRUE(MakeDirs(dir_ + "/a", 0700).ok());
  EXPECT_TRUE(watch.Changed());
  ASSERT_TRUE(MakeDirs(dir_ + "/a/b", 0700).ok());
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
  Write("/a/b/one");
  EXPECT_TRUE(watch.Changed());
}

TEST_F(DirWatchTest, ADirectoryThatIsReplacedIsFollowed) {
  ASSERT_TRUE(MakeDirs(dir_ + "/a/b", 0700).ok());
  ASSERT_TRUE(MakeDirs(dir_ + "/new/b", 0700).ok());
  DirWatch watch(dir_ + "/a/b");
  EXPECT_TRUE(watch.Changed());
  Rename("/a", "/old");
  EXPECT_TRUE(watch.Changed()) << "its parent moved away";
  Rename("/new", "/a");
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
  Write("/old/b/one");
  EXPECT_FALSE(watch.Changed()) << "the old one is nobody's business now";
  Write("/a/b/one");
  EXPECT_TRUE(watch.Changed());
}

TEST_F(DirWatchTest, NeighboursAreNotTold) {
  ASSERT_TRUE(MakeDirs(dir_ + "/a", 0700).ok());
  DirWatch watch(dir_ + "/a");
  EXPECT_TRUE(watch.Changed());
  Write("/other");
  EXPECT_FALSE(watch.Changed());
}

TEST_F(DirWatchTest, MoreEventsThanTheQueueHoldsAreAChange) {
  ASSERT_TRUE(MakeDirs(dir_ + "/a", 0700).ok());
  DirWatch watch(dir_ + "/a");
  EXPECT_TRUE(watch.Changed());
  // fs.inotify.max_queued_events is 16384 by default. Events of other files in the directory fill the queue too.
  for (int i = 0; i < 9000; ++i) {
    ASSERT_EQ(mknod((dir_ + "/neighbour").c_str(), S_IFREG | 0600, 0), 0);
    ASSERT_EQ(unlink((dir_ + "/neighbour").c_str()), 0);
  }
  Write("/a/one");
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
}

TEST_F(DirWatchTest, WithoutADescriptorEveryLookIsAChange) {
  ASSERT_TRUE(MakeDirs(dir_ + "/a", 0700).ok());
  DirWatch watch(dir_ + "/a");
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  const rlimit none{0, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool first = watch.Changed();
  const bool second = watch.Changed();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed()) << "it works again";
}

}  // namespace
}  // namespace crisp
