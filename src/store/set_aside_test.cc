// What becomes of a file that the kernel does not give up.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/testing/captured_log.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "store/residue.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

void MakeImmutable(const std::string& path) {
  const absl::StatusOr<Fd> fd = OpenAt(AT_FDCWD, path, O_RDONLY);
  ASSERT_EQ(fd.status(), absl::OkStatus());
  int flags = 0;
  ASSERT_EQ(ioctl(fd->get(), FS_IOC_GETFLAGS, &flags), 0);
  flags |= FS_IMMUTABLE_FL;
  ASSERT_EQ(ioctl(fd->get(), FS_IOC_SETFLAGS, &flags), 0);
}

// From the effective set of the calling thread.
void DropCapability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, data), 0);
  data[capability / 32].effective &= ~(1U << (capability % 32));
  ASSERT_EQ(syscall(SYS_capset, &header, data), 0);
}

// An immutable file stays for a process without CAP_LINUX_IMMUTABLE, which also may not clear the flag.
TEST(SetAsideTest, WhatTheKernelDoesNotGiveUpIsSetAsideAndSweptLater) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const TestDir dir;
  const Layout layout(dir.Path("root"), dir.Path("state"), true);
  const std::string upper = layout.Upper("c");
  ASSERT_EQ(MakeDirs(upper, 0700), absl::OkStatus());
  ASSERT_EQ(WriteFileAt(AT_FDCWD, upper + "/file", "text", 0600), absl::OkStatus());
  MakeImmutable(upper + "/file");
  {
    const CapturedLog log({.level = LogLevel::kError});
    std::thread([&] {
      DropCapability(CAP_LINUX_IMMUTABLE);
      EXPECT_EQ(RemoveOrSetAside(layout, upper), absl::OkStatus());
    }).join();
    EXPECT_THAT(log.Text(), HasSubstr(layout.RootResidue() + "/upper-"));
    EXPECT_THAT(log.Text(), HasSubstr("Operation not permitted"));
  }
  EXPECT_FALSE(Exists(upper));
  EXPECT_EQ(ListDir(layout.RootResidue())->size(), 1U);
  SweepResidue(layout);
  EXPECT_THAT(*ListDir(layout.RootResidue()), IsEmpty());
}

}  // namespace
}  // namespace crisp
