#include "runtime/host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "runtime/devices.h"

namespace crisp {
namespace {

TEST(HostTest, CapabilitiesAreThoseOfProc) {
  const std::string status = ReadFileAt(AT_FDCWD, "/proc/self/status", 1 << 16).value();
  EXPECT_TRUE(absl::StrContains(status, absl::StrCat("CapBnd:\t", absl::Hex(HostCapabilities(), absl::kZeroPad16))));
}

TEST(HostTest, DevicesAreNodesOfTheHostAndNotOfOtherFileSystems) {
  const std::vector<HostDevice> devices = HostDevices().value();
  const auto find = [&](const std::string& path) {
    return std::find_if(devices.begin(), devices.end(), [&](const HostDevice& d) { return d.path == path; });
  };
  const auto null = find("/dev/null");
  ASSERT_NE(null, devices.end());
  EXPECT_EQ(null->type, 'c');
  EXPECT_EQ(null->major, 1);
  EXPECT_EQ(null->minor, 3);
  EXPECT_EQ(null->mode, 0666u);
  EXPECT_EQ(find("/dev/console"), devices.end());
  for (const HostDevice& device : devices) {
    EXPECT_FALSE(absl::StartsWith(device.path, "/dev/pts/")) << device.path;
    EXPECT_FALSE(absl::StartsWith(device.path, "/dev/shm/")) << device.path;
  }
}

TEST(HostTest, FloorOfOomScoreAdjCanBeSetAndOneLessCannot) {
  const int floor = HostOomScoreAdjFloor().value();
  const std::string before = ReadFileAt(AT_FDCWD, "/proc/self/oom_score_adj", 100).value();
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj", absl::StrCat(floor), 0).ok());
  if (floor > -1000) {
    EXPECT_FALSE(WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj", absl::StrCat(floor - 1), 0).ok());
  }
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj", before, 0).ok());
}

}  // namespace
}  // namespace crisp
