#include "daemon/service_manager.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "os/unix_socket.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;

// What systemd would get.
class Manager {
 public:
  explicit Manager(const std::string& path) : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data(), path.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length), 0) << strerror(errno);
  }
  // Empty: nothing was sent.
  std::string Next() {
    char text[4096];
    const ssize_t size = recv(socket_.get(), text, sizeof(text), 0);
    return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
  }

 private:
  Fd socket_;
};

class ServiceManagerTest : public testing::Test {
 protected:
  ~ServiceManagerTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS"}) {
      unsetenv(name);
    }
  }
  void Set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }

  TestDir dir_;
};

TEST_F(ServiceManagerTest, TellsWhatTheDaemonDoes) {
  Manager manager(dir_.path() + "/notify");
  Set("NOTIFY_SOCKET", dir_.path() + "/notify");
  const ServiceManager service;
  service.SayStatus("taking over pods: 1 of 2");
  EXPECT_EQ(manager.Next(), "STATUS=taking over pods: 1 of 2");
  service.SayReady("serving /run/crisp/crisp.sock");
  EXPECT_EQ(manager.Next(), "READY=1\nSTATUS=serving /run/crisp/crisp.sock");
  service.SayAlive();
  EXPECT_EQ(manager.Next(), "WATCHDOG=1");
  service.SayStopping();
  EXPECT_EQ(manager.Next(), "STOPPING=1\nSTATUS=ending; pods go on");
}

TEST_F(ServiceManagerTest, AManagerThatDoesNotReadHoldsUpNobodyForLong) {
  Manager manager(dir_.path() + "/notify");
  Set("NOTIFY_SOCKET", dir_.path() + "/notify");
  const ServiceManager service;
  for (int i = 0; i < 12; ++i) service.SayAlive();
  EXPECT_EQ(manager.Next(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, AnAbstractAddressIsOneToo) {
  const std::string name = absl::StrCat("crisp-test-", getpid());
  Manager manager(std::string(1, '\0') + name);
  Set("NOTIFY_SOCKET", "@" + name);
  ServiceManager().SayAlive();
  EXPECT_EQ(manager.Next(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, NoChildTakesTheVariablesForItsOwn) {
  Set("NOTIFY_SOCKET", dir_.path() + "/notify");
  Set("WATCHDOG_USEC", "1000");
  Set("LISTEN_PID", "1");
  Set("LISTEN_FDS", "1");
  const ServiceManager service;
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS"}) {
    EXPECT_EQ(getenv(name), nullptr) << name;
  }
}

TEST_F(ServiceManagerTest, SaysNothingWhereNobodyListens) {
  ServiceManager service;
  service.SayReady("");
  EXPECT_EQ(service.watchdog_time().count(), 0);
  EXPECT_THAT(service.TakeSockets(), IsEmpty());
}

TEST_F(ServiceManagerTest, AWatchdogOfAnotherProcessIsNotOurs) {
  Set("WATCHDOG_USEC", "3000000");
  Set("WATCHDOG_PID", absl::StrCat(getpid()));
  EXPECT_EQ(ServiceManager().watchdog_time(), std::chrono::seconds(3));
  Set("WATCHDOG_USEC", "3000000");
  Set("WATCHDOG_PID", "1");
  EXPECT_EQ(ServiceManager().watchdog_time().count(), 0);
}

TEST_F(ServiceManagerTest, SocketsAreHandedOverByPath) {
  const std::string path = dir_.path() + "/crisp.sock";
  Fd socket = *ListenStream(path);
  fcntl(socket.get(), F_SETFL, 0);
  fcntl(socket.get(), F_SETFD, 0);
  Set("LISTEN_PID", absl::StrCat(getpid()));
  Set("LISTEN_FDS", "1");
  ServiceManager service(socket.release());
  const std::map<std::string, Fd> sockets = service.TakeSockets();
  ASSERT_THAT(sockets, ElementsAre(Key(path)));
  const int fd = sockets.at(path).get();
  EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TEST_F(ServiceManagerTest, WhatIsNoListeningSocketIsClosed) {
  Fd file = *OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  const int number = file.release();
  Set("LISTEN_PID", absl::StrCat(getpid()));
  Set("LISTEN_FDS", "1");
  EXPECT_THAT(ServiceManager(number).TakeSockets(), IsEmpty());
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST_F(ServiceManagerTest, DescriptorsForAnotherProcessAreLeftAlone) {
  Fd file = *OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  Set("LISTEN_PID", "1");
  Set("LISTEN_FDS", "1");
  EXPECT_THAT(ServiceManager(file.get()).TakeSockets(), IsEmpty());
  EXPECT_EQ(fcntl(file.get(), F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace crisp
