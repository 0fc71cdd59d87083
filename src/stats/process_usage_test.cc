#include "stats/process_usage.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fd.h"

namespace crisp {
namespace {

constexpr pid_t kNobody = 0x7ffffff0;  // above every pid_max

TEST(ProcessUsageTest, DescriptorsAndTheSocketsAmongThemAreCounted) {
  const ProcessUsage before = UsageOfProcesses({getpid()});
  const Fd file(dup(0));
  const Fd one(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Fd two(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(file.valid() && one.valid() && two.valid());
  const ProcessUsage after = UsageOfProcesses({getpid(), kNobody});
  EXPECT_EQ(after.descriptors, before.descriptors + 3);
  EXPECT_EQ(after.sockets, before.sockets + 2);
  EXPECT_EQ(UsageOfProcesses({}).descriptors, 0u);
}

TEST(ProcessUsageTest, TheLimitIsTheSoftOne) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(DescriptorLimit(getpid()), limit.rlim_cur);
  EXPECT_EQ(DescriptorLimit(kNobody), std::nullopt);
}

TEST(ProcessUsageTest, TheLimitOfSomebodyElsesProcessIsInItsFile) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool is_other = setresuid(65534, 65534, 65534) == 0;
    _exit(is_other && prlimit(getppid(), RLIMIT_NOFILE, nullptr, &limit) != 0 &&
                  DescriptorLimit(getppid()) == limit.rlim_cur
              ? 0
              : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace crisp
