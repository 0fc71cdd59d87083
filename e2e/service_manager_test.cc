// What systemd and crispd tell each other: sockets that systemd keeps, readiness, signs of life (sd_notify(3),
// sd_listen_fds(3)). The test takes the part of systemd.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <future>
#include <string>

#include "e2e/fixture.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

// A unix socket bound to `path`.
Fd Bound(const std::string& path, int type) {
  unlink(path.c_str());
  Fd fd(socket(AF_UNIX, type, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0) << strerror(errno);
  return fd;
}

class ServiceManagerTest : public NodeTest {
 protected:
  void TearDown() override {
    socket_.reset();  // of a test that failed
    NodeTest::TearDown();
  }

  // The node's own crispd, at a socket of its own.
  void StartAgain() {
    socket_.reset();
    node().Start();
  }

  // Listens for crispd, which does not run from now on.
  void TakeSocket() {
    node().Kill();
    socket_ = Bound(node().paths().socket(), SOCK_STREAM);
    ASSERT_EQ(listen(socket_.get(), SOMAXCONN), 0);
    notify_ = Bound(node().paths().directory() + "/notify", SOCK_DGRAM | SOCK_CLOEXEC);
    const timeval patience{10, 0};
    setsockopt(notify_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }

  // As systemd starts it: with the socket as descriptor 3.
  void StartAsService(DaemonProcess* crispd) {
    const std::string command =
        "exec env LISTEN_PID=$$ LISTEN_FDS=1 WATCHDOG_PID=$$ WATCHDOG_USEC=400000 NOTIFY_SOCKET=" +
        node().paths().directory() + "/notify " + CRISP_CRISPD + " --config " + node().paths().config_file() +
        " 3<&0 </dev/null";
    crispd->Start("/bin/bash", {"-c", command}, node().paths().log(), socket_.get());
  }

  // The next thing that crispd says; empty after ten seconds of silence.
  std::string Said() {
    char text[4096];
    const ssize_t size = recv(notify_.get(), text, sizeof(text), 0);
    return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
  }

  // What crispd says up to, and with, what contains `last`.
  std::vector<std::string> SaidUntil(const std::string& last) {
    std::vector<std::string> all;
    do {
      all.push_back(Said());
    } while (!all.back().empty() && all.back().find(last) == std::string::npos);
    return all;
  }

  Fd socket_;
  Fd notify_;
};

TEST_F(ServiceManagerTest, NoCallIsLostWhileCrispdIsExchanged) {
  const PodRef pod = RunPod("kept");
  TakeSocket();
  for (int round = 0; round < 2; ++round) {
    auto waiting = std::async(std::launch::async, [&] {
      Cri client(node().paths().socket());
      return Must(client.PodStatus(pod.id)).status().state();
    });
    DaemonProcess crispd;
    StartAsService(&crispd);
    EXPECT_EQ(waiting.get(), cri::SANDBOX_READY);
    EXPECT_EQ(crispd.Terminate(), 0);
  }
  StartAgain();
}

TEST_F(ServiceManagerTest, SystemdIsToldWhatCrispdDoes) {
  RunPod("taken-over");
  TakeSocket();
  DaemonProcess crispd;
  StartAsService(&crispd);
  EXPECT_THAT(SaidUntil("READY=1"), AllOf(Contains("STATUS=taking over pods: 1 of 1"),
                                          Contains("READY=1\nSTATUS=serving " + node().paths().socket())));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(SaidUntil("WATCHDOG=1").back(), "WATCHDOG=1");
  EXPECT_EQ(crispd.Terminate(), 0);
  EXPECT_EQ(SaidUntil("STOPPING=1").back(), "STOPPING=1\nSTATUS=ending; pods go on");
  StartAgain();
}

// runc would take NOTIFY_SOCKET for an order to wait until the container says that it is ready.
TEST_F(ServiceManagerTest, NoChildTakesTheVariablesForItsOwn) {
  TakeSocket();
  DaemonProcess crispd;
  StartAsService(&crispd);
  SaidUntil("READY=1");
  WaitFor("crispd to answer", std::chrono::seconds(10), [&] { return cri().Version().status.ok(); });
  const PodRef pod = RunPod("plain");
  EXPECT_EQ(OutputOf(pod, ContainerOf("plain", "echo ran")), "ran\n");
  const std::string environment = ReadFile(ProcPath(PidByCommand(CRISP_SHIM), "environ"));
  EXPECT_THAT(environment, AllOf(HasSubstr("PATH="), Not(HasSubstr("NOTIFY_SOCKET")), Not(HasSubstr("LISTEN_FDS"))));
  EXPECT_EQ(crispd.Terminate(), 0);
  StartAgain();
}

}  // namespace
}  // namespace crisp::e2e
