// What a shim keeps out and keeps in: strangers at its socket, containers in their cgroup. Needs root, runc
// and busybox-static.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "os/unix_socket.h"
#include "runtime/shim_client.h"
#include "runtime/test_pod.h"

namespace crisp {
namespace {

using testing::HasSubstr;

class ShimGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
  }

  TestPod pod_;
};

// Runs `body` as nobody. The bare system call changes the calling thread only, and it is by the thread that the kernel
// tells who connects or listens.
void AsNobody(const std::function<void()>& body) {
  std::thread([&] {
    ASSERT_EQ(syscall(SYS_setresuid, -1, 65534, -1), 0);
    body();
  }).join();
}

// CVE-2020-15257: whoever could reach a shim's socket could make containers.
TEST_F(ShimGuardTest, TheShimHearsNobodyButRoot) {
  ASSERT_TRUE(pod_.Launch().ok());
  // The directory alone would keep others out; here it must not.
  ASSERT_EQ(chmod(pod_.Path("").c_str(), 0755), 0);
  ASSERT_EQ(chmod(pod_.paths.socket.c_str(), 0777), 0);
  AsNobody([&] {
    const absl::StatusOr<Fd> socket = ConnectPackets(pod_.paths.socket);
    ASSERT_TRUE(socket.ok()) << socket.status();
    pollfd ready{socket->get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10000), 1);
    char buffer[64];
    EXPECT_EQ(read(socket->get(), buffer, sizeof(buffer)), 0) << "it was not hung up at once";
  });
  EXPECT_TRUE(pod_.client->List(TestPod::call()).ok()) << "the daemon is heard as before";
}

TEST_F(ShimGuardTest, TheDaemonTalksToNobodysShim) {
  ASSERT_EQ(chmod(pod_.Path("").c_str(), 0777), 0);
  Fd listener;
  AsNobody([&] {
    auto listening = ListenPackets(pod_.paths.socket);
    ASSERT_TRUE(listening.ok()) << listening.status();
    listener = std::move(*listening);
  });
  const absl::Status connected = pod_.Connect();
  EXPECT_EQ(connected.code(), absl::StatusCode::kPermissionDenied) << connected;
  EXPECT_THAT(std::string(connected.message()), HasSubstr(pod_.paths.socket));
}

// CVE-2025-47291: containers with a user namespace ran outside their cgroup, without its limits.
TEST_F(ShimGuardTest, AContainerOutsideItsCgroupDoesNotStart) {
  ASSERT_TRUE(pod_.Launch().ok());
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  // It says /…/elsewhere to runc, behind everybody's back.
  const std::string script = absl::StrCat("#!/bin/sh\ncase \" $* \" in *' create '*) sed -i 's#/a\"#/elsewhere\"#' ",
                                          request.bundle, "/config.json; esac\nexec /usr/sbin/runc \"$@\"\n");
  request.runtime.binary = pod_.Path("displacing");
  request.cgroups_path = pod_.CgroupsPath("a");
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, request.runtime.binary, script, 0755).ok());
  const absl::Status started = pod_.client->Start(request, TestPod::call()).status();
  EXPECT_EQ(started.code(), absl::StatusCode::kInternal) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr("did not put it into cgroup " + request.cgroups_path));
  for (const char* name : {"a", "elsewhere"}) EXPECT_EQ(pod_.Leftovers(name), "") << name;
}

}  // namespace
}  // namespace crisp
