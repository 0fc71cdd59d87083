#include "os/process_state.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>

#include "base/testing/wait.h"

namespace crisp {
namespace {

TEST(ProcessStateTest, AProcessThatSleepsIsNamedWithWhatItSleepsIn) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(1);
  }
  ASSERT_TRUE(Eventually([&] { return StateOf(child)->command == "sleep" && StateOf(child)->state == 'S'; }));
  EXPECT_NE(StateOf(child)->waits_in.find("sleep"), std::string::npos) << StateOf(child)->waits_in;
  kill(child, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return StateOf(child)->state == 'Z'; }));
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(StateOf(child).has_value());
}

TEST(ProcessStateTest, AProcessThatRunsSleepsInNothing) {
  const ProcessState self = *StateOf(getpid());
  EXPECT_EQ(self.state, 'R');
  EXPECT_EQ(self.waits_in, "");
  EXPECT_EQ(self.command, "os_test");
}

TEST(ProcessStateTest, PrivilegedReadersGetTheStack) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const pid_t child = fork();
  if (child == 0) {
    while (true) pause();
  }
  std::vector<std::string> stack;
  ASSERT_TRUE(Eventually([&] {
    stack = StateOf(child)->stack;
    return !stack.empty() && StateOf(child)->waits_in == stack.front();
  }));
  EXPECT_LE(stack.size(), kStackDepth);
  for (const std::string& function : stack) EXPECT_EQ(function.find_first_of("+[] \n"), std::string::npos) << function;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(ProcessStateTest, AThreadHasAStateOfItsOwn) {
  std::promise<pid_t> id;
  std::promise<void> end;
  std::thread thread([&] {
    pthread_setname_np(pthread_self(), "waits");
    id.set_value(gettid());
    end.get_future().wait();
  });
  const pid_t waits = id.get_future().get();
  EXPECT_TRUE(Eventually([&] { return StateOfThread(waits)->state == 'S'; }));
  EXPECT_EQ(StateOfThread(waits)->command, "waits");
  EXPECT_EQ(StateOfThread(gettid())->state, 'R');
  const std::vector<pid_t> threads = Threads();
  EXPECT_TRUE(std::find(threads.begin(), threads.end(), waits) != threads.end());
  EXPECT_EQ(threads.front(), getpid());
  end.set_value();
  thread.join();
  EXPECT_FALSE(StateOfThread(0).has_value());
}

}  // namespace
}  // namespace crisp
