#include "shim/log_writer.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <random>
#include <sstream>

#include "gtest/gtest.h"
#include "os/testing/test_dir.h"
#include "shim/log_gap.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr int64_t kTime = 1700000000123456789;
constexpr char kStamp[] = "2023-11-14T22:13:20.123456789Z";

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// What the kubelet's reader makes of a log: the parts of a stream joined, with a newline after each F.
std::string Joined(const std::string& log, const std::string& stream) {
  std::istringstream lines(log);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_GE(line.size(), 40u) << line;
    if (line.substr(31, 6) != stream) continue;
    out += line.substr(40) + (line[38] == 'F' ? "\n" : "");
  }
  return out;
}

class LogWriterTest : public testing::Test {
 protected:
  std::string Lines(std::initializer_list<std::string> lines) {
    std::string all;
    for (const std::string& line : lines) all += std::string(kStamp) + " " + line + "\n";
    return all;
  }

  const TestDir dir_;
  const std::string path_ = dir_.Path("0.log");
};

TEST(FormatTimeTest, AgreesWithTheCalendar) {
  const struct {
    int64_t nanos;
    const char* text;
  } cases[] = {{0, "1970-01-01T00:00:00.000000000Z"},
               {kTime, kStamp},
               {951782399999999999, "2000-02-28T23:59:59.999999999Z"},
               {951782400000000000, "2000-02-29T00:00:00.000000000Z"},
               {4107542400000000000, "2100-03-01T00:00:00.000000000Z"},
               {1735689599000000001, "2024-12-31T23:59:59.000000001Z"}};
  for (const auto& one : cases) {
    char time[kTimeLength];
    FormatTime(one.nanos, time);
    EXPECT_EQ(std::string(time, kTimeLength), one.text);
  }
}

TEST_F(LogWriterTest, WholeLinesAreF) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "one\ntwo\n\n", kTime));
  EXPECT_TRUE(writer.Write(LogWriter::kStderr, "three\n", kTime));
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F one", "stdout F two", "stdout F ", "stderr F three"}));
}

TEST_F(LogWriterTest, ALineInPiecesIsOneLine) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  for (const char* piece : {"a", "b", "c\nd", "e", "\n"}) EXPECT_TRUE(writer.Write(LogWriter::kStdout, piece, kTime));
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F abc", "stdout F de"}));
}

TEST_F(LogWriterTest, StreamsDoNotMixWithinALine) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  writer.Write(LogWriter::kStdout, "out-", kTime);
  writer.Write(LogWriter::kStderr, "err-", kTime);
  writer.Write(LogWriter::kStdout, "put\n", kTime);
  writer.Write(LogWriter::kStderr, "or\n", kTime);
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F out-put", "stderr F err-or"}));
}

TEST_F(LogWriterTest, ALineOfTheLimitIsWholeAndALongerOneIsSplit) {
  LogWriter writer(path_, 4);
  ASSERT_EQ(writer.Open(), 0);
  writer.Write(LogWriter::kStdout, "123\n1234\n12345\n12345678\n123456789\n", kTime);
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F 123", "stdout F 1234", "stdout P 1234", "stdout F 5", "stdout P 1234",
                                   "stdout F 5678", "stdout P 1234", "stdout P 5678", "stdout F 9"}));
}

TEST_F(LogWriterTest, TheLimitHoldsAcrossPieces) {
  LogWriter writer(path_, 4);
  ASSERT_EQ(writer.Open(), 0);
  writer.Write(LogWriter::kStdout, "123", kTime);
  writer.Write(LogWriter::kStdout, "4", kTime);
  EXPECT_EQ(ReadAll(path_), "") << "a newline may follow: then the line is whole";
  writer.Write(LogWriter::kStdout, "\n1234", kTime);
  writer.Write(LogWriter::kStdout, "5", kTime);
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F 1234", "stdout P 1234"}));
  writer.Flush(LogWriter::kStdout, kTime);
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F 1234", "stdout P 1234", "stdout P 5"}));
}

TEST_F(LogWriterTest, ATailWithoutNewlineIsP) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  writer.Write(LogWriter::kStdout, "whole\ntail", kTime);
  EXPECT_TRUE(writer.Flush(LogWriter::kStdout, kTime));
  EXPECT_TRUE(writer.Flush(LogWriter::kStdout, kTime)) << "nothing is left";
  EXPECT_TRUE(writer.Flush(LogWriter::kStderr, kTime));
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F whole", "stdout P tail"}));
}

TEST_F(LogWriterTest, WithoutALimitALineIsStillBounded) {
  LogWriter writer(path_, 0);
  ASSERT_EQ(writer.Open(), 0);
  const std::string block(65536, 'x');
  for (int i = 0; i < 20; ++i) writer.Write(LogWriter::kStdout, block, kTime);
  writer.Write(LogWriter::kStdout, "\n", kTime);
  const std::string log = ReadAll(path_);
  EXPECT_EQ(Joined(log, "stdout"), std::string(20 * 65536, 'x') + "\n");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 5);
}

TEST_F(LogWriterTest, BytesThatAreNoTextStay) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  const std::string bytes("\0\r\t\xff\x80 \n", 7);
  writer.Write(LogWriter::kStdout, bytes, kTime);
  EXPECT_EQ(Joined(ReadAll(path_), "stdout"), bytes);
}

TEST_F(LogWriterTest, RandomPiecesComeBackByteForByte) {
  std::minstd_rand random(1);
  for (const int64_t limit : {1, 2, 7, 16, 1000}) {
    const std::string path = dir_.Path(std::to_string(limit));
    LogWriter writer(path, limit);
    ASSERT_EQ(writer.Open(), 0);
    std::string sent[2];
    for (int i = 0; i < 2000; ++i) {
      const auto stream = static_cast<LogWriter::Stream>(random() % 2);
      std::string piece;
      for (size_t size = random() % 40 + 1; size > 0; --size) piece += "abcdefgh\n"[random() % 9];
      ASSERT_TRUE(writer.Write(stream, piece, kTime));
      sent[stream] += piece;
    }
    writer.Flush(LogWriter::kStdout, kTime);
    writer.Flush(LogWriter::kStderr, kTime);
    const std::string log = ReadAll(path);
    EXPECT_EQ(Joined(log, "stdout"), sent[0]) << limit;
    EXPECT_EQ(Joined(log, "stderr"), sent[1]) << limit;
  }
}

TEST_F(LogWriterTest, ReopenFallsBetweenTwoLines) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  writer.Write(LogWriter::kStdout, "one\ntwo, not yet who", kTime);
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  writer.Write(LogWriter::kStderr, "still the old file\n", kTime);
  ASSERT_EQ(writer.Open(), 0);
  writer.Write(LogWriter::kStdout, "le\nthree\n", kTime);
  EXPECT_EQ(ReadAll(path_ + ".1"), Lines({"stdout F one", "stderr F still the old file"}));
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F two, not yet whole", "stdout F three"}));
}

TEST_F(LogWriterTest, AFailedReopenKeepsTheOldFile) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(writer.Open(), EISDIR);
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "one\n", kTime));
  EXPECT_EQ(ReadAll(path_ + ".1"), Lines({"stdout F one"}));
}

TEST_F(LogWriterTest, ASymbolicLinkInThePlaceOfTheLogIsRefused) {
  const std::string elsewhere = path_ + ".elsewhere";
  std::ofstream(elsewhere) << "as it was\n";
  LogWriter writer(path_, 16384);
  ASSERT_EQ(writer.Open(), 0);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(symlink(elsewhere.c_str(), path_.c_str()), 0);
  EXPECT_EQ(writer.Open(), ELOOP);
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "to the old file\n", kTime));
  EXPECT_EQ(ReadAll(elsewhere), "as it was\n");
}

TEST_F(LogWriterTest, AFifoInThePlaceOfTheLogIsRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  LogWriter writer(path_, 100);
  EXPECT_NE(writer.Open(), 0);
}

TEST_F(LogWriterTest, MissingDirectoriesAreMade) {
  const std::string path = dir_.Path("pod/container/0.log");
  LogWriter writer(path, 100);
  ASSERT_EQ(writer.Open(), 0);
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "one\n", kTime));
  ASSERT_TRUE(RemoveTree(dir_.Path("pod")).ok());
  ASSERT_EQ(writer.Open(), 0);
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "two\n", kTime));
  EXPECT_EQ(ReadAll(path), Lines({"stdout F two"}));
  struct stat info {};
  ASSERT_EQ(stat(dir_.Path("pod/container").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 022, 0u);
}

TEST_F(LogWriterTest, ADirectoryThatCannotBeMadeIsAnError) {
  std::ofstream(dir_.Path("file")) << "no directory";
  LogWriter writer(dir_.Path("file/pod/0.log"), 100);
  EXPECT_EQ(writer.Open(), ENOTDIR);
}

TEST_F(LogWriterTest, ANoteIsALineOfItsOwn) {
  LogWriter writer(path_, 4);
  ASSERT_EQ(writer.Open(), 0);
  EXPECT_TRUE(writer.WriteNote(LogWriter::kStderr, "longer than the limit", kTime));
  EXPECT_EQ(ReadAll(path_), Lines({"stderr F longer than the limit"}));
}

TEST(LogGapTest, CountsBytesAndLines) {
  LogGap gap;
  EXPECT_TRUE(gap.empty());
  EXPECT_EQ(gap.lines(), 0u);
  gap.Add("tail");
  EXPECT_EQ(gap.lines(), 1u);
  gap.Add("\ntwo\nthree\n");
  EXPECT_EQ(gap.lines(), 3u);
  EXPECT_EQ(gap.bytes(), 15u);
  EXPECT_EQ(gap.Note("stderr", "Read-only file system"),
            "[crisp] lost 15 bytes, 3 lines of stderr: the log could not be written: Read-only file system");
  LogGap one;
  one.Add("\n");
  EXPECT_EQ(one.Note("stdout", "why"), "[crisp] lost 1 byte, 1 line of stdout: the log could not be written: why");
}

TEST_F(LogWriterTest, OnlyWholeLinesAreLostAndTheUnfinishedOneGoesOn) {
  LogWriter writer(path_, 8);
  ASSERT_EQ(writer.Open(), 0);
  LogGap gap;
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "one\ntw", kTime));
  writer.Lose(LogWriter::kStdout, "o\nthree\nfo", &gap);
  EXPECT_EQ(gap.bytes(), 10u);
  EXPECT_EQ(gap.lines(), 2u);
  writer.Lose(LogWriter::kStdout, "u", &gap);
  EXPECT_TRUE(writer.Write(LogWriter::kStdout, "r\n", kTime));
  EXPECT_EQ(gap.bytes(), 10u);
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F one", "stdout F four"}));
  writer.Lose(LogWriter::kStdout, "12345678", &gap);
  EXPECT_EQ(gap.bytes(), 10u);
  writer.Lose(LogWriter::kStdout, "9", &gap);
  EXPECT_EQ(gap.bytes(), 19u) << "a line above the limit is not kept";
  writer.Lose(LogWriter::kStdout, "tail", &gap);
  writer.LoseTail(LogWriter::kStdout, &gap);
  EXPECT_EQ(gap.bytes(), 23u);
  EXPECT_TRUE(writer.Flush(LogWriter::kStdout, kTime));
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F one", "stdout F four"}));
}

// RLIMIT_FSIZE replaces a full disk: writes are cut short, then refused (EFBIG).
class FullDiskTest : public LogWriterTest {
 protected:
  void SetUp() override {
    signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &unlimited_), 0);
  }
  void TearDown() override { Allow(unlimited_.rlim_cur); }
  void Allow(rlim_t bytes) {
    const rlimit limit{bytes, unlimited_.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

  rlimit unlimited_{};
};

TEST_F(FullDiskTest, ATornLineIsCutOffAndWrittenWholeLater) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  Allow(100);  // two lines and a half
  EXPECT_FALSE(writer.Write(LogWriter::kStdout, "one\ntwo\nthree\nfour\n", kTime));
  EXPECT_EQ(writer.last_error(), EFBIG);
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F one", "stdout F two"}));
  EXPECT_FALSE(writer.Retry());
  EXPECT_FALSE(writer.Write(LogWriter::kStderr, "five\n", kTime)) << "its turn is after those that wait";
  Allow(unlimited_.rlim_cur);
  EXPECT_TRUE(writer.Retry());
  EXPECT_FALSE(writer.blocked());
  EXPECT_EQ(ReadAll(path_),
            Lines({"stdout F one", "stdout F two", "stdout F three", "stdout F four", "stderr F five"}));
}

TEST_F(FullDiskTest, RetryGoesOnLineByLineAsRoomComes) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  Allow(10);
  EXPECT_FALSE(writer.Write(LogWriter::kStdout, "1\n2\n3\n4\n5\n6\ntail", kTime));
  for (rlim_t room = 10; room < 300; room += 7) {
    Allow(room);
    writer.Retry();
    EXPECT_EQ(ReadAll(path_).size() % 42, 0u) << "only whole lines";
  }
  EXPECT_FALSE(writer.blocked());
  EXPECT_TRUE(writer.Flush(LogWriter::kStdout, kTime));
  EXPECT_EQ(Joined(ReadAll(path_), "stdout"), "1\n2\n3\n4\n5\n6\ntail");
}

TEST_F(FullDiskTest, ReopenWhileRefusedContinuesInTheNewFile) {
  LogWriter writer(path_, 100);
  ASSERT_EQ(writer.Open(), 0);
  Allow(60);
  EXPECT_FALSE(writer.Write(LogWriter::kStdout, "one\ntwo\n", kTime));
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  ASSERT_EQ(writer.Open(), 0);
  EXPECT_TRUE(writer.Retry());
  EXPECT_EQ(ReadAll(path_ + ".1"), Lines({"stdout F one"}));
  EXPECT_EQ(ReadAll(path_), Lines({"stdout F two"}));
}

}  // namespace
}  // namespace crisp::shim
