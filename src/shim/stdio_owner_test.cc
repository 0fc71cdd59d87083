#include "shim/stdio_owner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "os/pipe.h"

namespace crisp::shim {
namespace {

struct stat StatOf(int fd) {
  struct stat info {};
  EXPECT_EQ(fstat(fd, &info), 0);
  return info;
}

TEST(StdioOwnerTest, PipesAreGivenAndNothingElse) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  Fd ours, theirs;
  ASSERT_EQ(MakePipe(PipeEnd::kRead, &ours, &theirs), 0);
  const Fd device(open("/dev/null", O_RDWR | O_CLOEXEC));
  const struct stat before = StatOf(device.get());
  EXPECT_EQ(GivePipes({-1, theirs.get(), device.get()}, {200000, 200001}), 0);
  EXPECT_EQ(StatOf(theirs.get()).st_uid, 200000u);
  EXPECT_EQ(StatOf(theirs.get()).st_gid, 200001u);
  EXPECT_EQ(StatOf(device.get()).st_uid, before.st_uid);
  EXPECT_EQ(StatOf(device.get()).st_gid, before.st_gid);
}

}  // namespace
}  // namespace crisp::shim
