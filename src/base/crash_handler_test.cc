#include "base/crash_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/recorder.h"
#include "base/thread.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

volatile int* volatile nowhere = nullptr;

__attribute__((noinline)) void WriteNowhere() {
  *nowhere = 1;
}

__attribute__((noinline)) int Recurse(int depth) {
  volatile char frame[1024];
  frame[depth % 1024] = 1;
  return depth < 0 ? 0 : Recurse(depth + 1) + frame[0];
}

void (*volatile no_function)() = nullptr;

__attribute__((noinline)) void CallNowhere() {
  no_function();
  nowhere = nullptr;  // no tail call
}

struct End {
  int status = 0;
  std::string output;  // stderr
};

class CrashHandlerTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
    GTEST_SKIP() << "sanitizers have handlers of their own";
#endif
    ASSERT_EQ(mkdir(directory_.c_str(), 0700), 0);
  }
  ~CrashHandlerTest() override {
    std::filesystem::remove_all(directory_);
  }

  // A child with the handler does `work`, and crashes. Cores of it are of no use.
  static End RunChild(const std::function<void()>& work) {
    const int file = memfd_create("stderr", MFD_CLOEXEC);
    const pid_t child = fork();
    if (child == 0) {
      const rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      dup2(file, STDERR_FILENO);
      InstallCrashHandler({"crispd 1.2.3", /*to_journal=*/false});
      work();
      _exit(0);
    }
    End end;
    waitpid(child, &end.status, 0);
    end.output.resize(static_cast<size_t>(lseek(file, 0, SEEK_END)));
    EXPECT_EQ(pread(file, end.output.data(), end.output.size(), 0), static_cast<ssize_t>(end.output.size()));
    close(file);
    return end;
  }
  static void ExpectKilledBy(int number, const End& end) {
    EXPECT_TRUE(WIFSIGNALED(end.status)) << end.status << "\n" << end.output;
    EXPECT_EQ(WTERMSIG(end.status), number) << end.output;
  }
  std::string OnlyFile() const {
    std::string text;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      EXPECT_THAT(entry.path().filename().string(), MatchesRegex("crash-[0-9]+\\.txt"));
      EXPECT_THAT(text, IsEmpty()) << "one crash, one file";
      std::stringstream content;
      content << std::ifstream(entry.path()).rdbuf();
      text = content.str();
    }
    return text;
  }

  const std::string directory_ = absl::StrCat("/dev/shm/crisp-crash-", getpid());
};

TEST_F(CrashHandlerTest, AWriteToNowhereLeavesItsStackAndEndsByItsSignal) {
  const End end = RunChild(WriteNowhere);
  ExpectKilledBy(SIGSEGV, end);
  EXPECT_THAT(end.output, HasSubstr("crispd 1.2.3 has crashed: SIGSEGV, code 1, address 0x0, thread "));
  EXPECT_THAT(end.output, ContainsRegex("build id [0-9a-f]{16,}\n"));
  EXPECT_THAT(end.output, ContainsRegex("\n#0 0x[0-9a-f]+ base_test\\+0x[0-9a-f]+ crisp::[^\n]*WriteNowhere"));
  EXPECT_THAT(end.output, ContainsRegex("\n#[0-9]+ 0x[0-9a-f]+ libc[^ ]*\\+0x[0-9a-f]+")) << "down to main's caller";
}

TEST_F(CrashHandlerTest, ACallToNowhereNamesItsCaller) {
  const End end = RunChild(CallNowhere);
  ExpectKilledBy(SIGSEGV, end);
  EXPECT_THAT(end.output, ContainsRegex("\n#0 0x0\n#1 0x[0-9a-f]+ base_test\\+0x[0-9a-f]+ crisp::[^\n]*CallNowhere"));
}

TEST_F(CrashHandlerTest, AnAbortNamesItsCaller) {
  const End end = RunChild([] { abort(); });
  ExpectKilledBy(SIGABRT, end);
  EXPECT_THAT(end.output, AllOf(HasSubstr("has crashed: SIGABRT"), HasSubstr("CrashHandlerTest")));
}

TEST_F(CrashHandlerTest, ASignalFromOutsideNamesItsSenderAndStillEndsTheProcess) {
  const End end = RunChild([] { kill(getpid(), SIGSEGV); });
  ExpectKilledBy(SIGSEGV, end);
  EXPECT_THAT(end.output, ContainsRegex("SIGSEGV, code 0, sent by process [0-9]+"));
}

TEST_F(CrashHandlerTest, AStackOverflowIsHandledOnTheFirstThread) {
  const End end = RunChild([] { Recurse(0); });
  ExpectKilledBy(SIGSEGV, end);
  EXPECT_THAT(end.output, ContainsRegex("#0 0x[0-9a-f]+ base_test\\+0x[0-9a-f]+ crisp::[^\n]*Recurse"));
}

TEST_F(CrashHandlerTest, AStackOverflowIsHandledOnEveryThreadOfOurs) {
  const End end = RunChild([] { StartThread("deep work", [] { Recurse(0); })->join(); });
  ExpectKilledBy(SIGSEGV, end);
  EXPECT_THAT(end.output, AllOf(HasSubstr("(deep work)"), HasSubstr("Recurse")));
}

TEST_F(CrashHandlerTest, AnExceptionThatNobodyCatchesSaysWhatItIs) {
  const End end = RunChild([] { std::thread([] { throw std::runtime_error("out of luck"); }).join(); });
  ExpectKilledBy(SIGABRT, end);
  EXPECT_THAT(end.output, AllOf(HasSubstr("error nobody has caught an exception type=std::runtime_error"),
                                HasSubstr("what=\"out of luck\""), HasSubstr("has crashed: SIGABRT")));
}

TEST_F(CrashHandlerTest, SeveralThreadsThatCrashTogetherLeaveOneStack) {
  const End end = RunChild([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(WriteNowhere);
    for (std::thread& thread : threads) thread.join();
  });
  ExpectKilledBy(SIGSEGV, end);
  const std::string head = "has crashed";
  EXPECT_EQ(end.output.find(head), end.output.rfind(head)) << end.output;
}

TEST_F(CrashHandlerTest, TheRecordersLinesAreKeptWithTheStack) {
  const std::string ring = directory_ + "/ring";
  const End end = RunChild([&] {
    const auto recorder = *Recorder::InFile(ring);
    SetLogObserver(recorder);
    SetCrashRecord(directory_, recorder, ring);
    LogDebug("the last step", {{"pod", "web-0"}});
    WriteNowhere();
  });
  ExpectKilledBy(SIGSEGV, end);
  EXPECT_THAT(end.output, ContainsRegex("\nthe log lines before it are in " + directory_ + "/crash-[0-9]+\\.txt\n$"));
  const std::string kept = OnlyFile();
  EXPECT_THAT(kept, AllOf(HasSubstr("has crashed: SIGSEGV"), HasSubstr("WriteNowhere"),
                          HasSubstr(R"("msg":"the last step","pod":"web-0"})")));
}

}  // namespace
}  // namespace crisp
