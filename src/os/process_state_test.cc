#include "os/process_state.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

}  // namespace
}  // namespace crisp
