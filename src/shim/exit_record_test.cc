#include "shim/exit_record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "gtest/gtest.h"
#include "os/testing/test_dir.h"

namespace crisp::shim {
namespace {

TEST(ExitRecordTest, ComesBackAsItWasWritten) {
  const TestDir dir;
  const ExitRecord written{137, 1700000000123456789, true};
  ASSERT_EQ(WriteExitRecord(dir.Path("exit"), written), 0);
  ExitRecord read;
  ASSERT_EQ(ReadExitRecord(dir.Path("exit"), &read), 0);
  EXPECT_EQ(read, written);
  EXPECT_NE(access(dir.Path("exit.tmp").c_str(), F_OK), 0);
}

TEST(ExitRecordTest, TheTextIsThatOfTheHeader) {
  EXPECT_EQ(FormatExitRecord({0, 5, false}), "crisp-exit 1\nexit_code 0\nfinished_at 5\noom_killed 0\n");
}

TEST(ExitRecordTest, NothingThatIsNotWholeIsBelieved) {
  const std::string whole = FormatExitRecord({137, 1700000000123456789, true});
  ExitRecord record;
  ASSERT_TRUE(ParseExitRecord(whole, &record));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseExitRecord(whole.substr(0, size), &record)) << size;
  }
  const char* const wrong[] = {
      "crisp-exit 2\nexit_code 0\nfinished_at 5\noom_killed 0\n",
      "crisp-exit 1\nexit_code 256\nfinished_at 5\noom_killed 0\n",
      "crisp-exit 1\nexit_code -1\nfinished_at 5\noom_killed 0\n",
      "crisp-exit 1\nexit_code 01\nfinished_at 5\noom_killed 0\n",
      "crisp-exit 1\nexit_code  1\nfinished_at 5\noom_killed 0\n",
      "crisp-exit 1\nexit_code 0\nfinished_at 99999999999999999999\noom_killed 0\n",
      "crisp-exit 1\nexit_code 0\nfinished_at 5\noom_killed 2\n",
      "crisp-exit 1\nexit_code 0\nfinished_at 5\noom_killed 0\nmore\n",
      "crisp-exit 1\nfinished_at 5\nexit_code 0\noom_killed 0\n",
      "crisp-exit 1\nexit_code \nfinished_at 5\noom_killed 0\n",
  };
  for (const char* text : wrong) EXPECT_FALSE(ParseExitRecord(text, &record)) << text;
}

TEST(ExitRecordTest, AbsentTornAndUnwritableAreTold) {
  const TestDir dir;
  ExitRecord record;
  EXPECT_EQ(ReadExitRecord(dir.Path("exit"), &record), ENOENT);
  EXPECT_EQ(WriteExitRecord(dir.Path("nosuch/exit"), record), ENOENT);
  const int fd = open(dir.Path("exit").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  close(fd);
  EXPECT_EQ(ReadExitRecord(dir.Path("exit"), &record), EBADMSG) << "a file of no bytes";
}

TEST(ExitRecordTest, AFailedWriteLeavesTheOldRecord) {
  const TestDir dir;
  ASSERT_EQ(WriteExitRecord(dir.Path("exit"), {1, 2, false}), 0);
  ASSERT_EQ(mkdir(dir.Path("exit.tmp").c_str(), 0700), 0);
  EXPECT_NE(WriteExitRecord(dir.Path("exit"), {3, 4, false}), 0);
  ExitRecord record;
  ASSERT_EQ(ReadExitRecord(dir.Path("exit"), &record), 0);
  EXPECT_EQ(record.exit_code, 1);
}

}  // namespace
}  // namespace crisp::shim
