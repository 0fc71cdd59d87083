#include "os/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "gtest/gtest.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class UnixSocketTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) { return dir_.Path(name); }

  const TestDir dir_;
  const CallContext call_ = CallContext::WithTimeout(std::chrono::seconds(5));
};

std::string Receive(int socket) {
  pollfd ready{socket, POLLIN, 0};
  poll(&ready, 1, 5000);
  char buffer[100];
  const absl::StatusOr<size_t> size = ReceivePacket(socket, buffer, sizeof(buffer));
  EXPECT_TRUE(size.ok()) << size.status();
  return size.ok() ? std::string(buffer, *size) : "";
}

TEST_F(UnixSocketTest, PacketsKeepTheirBounds) {
  auto listener = ListenPackets(Path("s"));
  ASSERT_TRUE(listener.ok()) << listener.status();
  auto client = ConnectPackets(Path("s"));
  ASSERT_TRUE(client.ok()) << client.status();
  const Fd server(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(CheckPeer(client->get()).ok());
  ASSERT_TRUE(SendPacket(client->get(), "one", {}, call_).ok());
  ASSERT_TRUE(SendPacket(client->get(), "two!", {}, call_).ok());
  EXPECT_EQ(Receive(server.get()), "one");
  EXPECT_EQ(Receive(server.get()), "two!");
}

TEST_F(UnixSocketTest, ReceiveTellsNothingThereFromClosed) {
  auto listener = ListenPackets(Path("s"));
  auto client = ConnectPackets(Path("s"));
  ASSERT_TRUE(client.ok()) << client.status();
  Fd server(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  char buffer[8];
  EXPECT_EQ(ErrnoOf(ReceivePacket(client->get(), buffer, sizeof(buffer)).status()), EAGAIN);
  ASSERT_TRUE(SendPacket(server.get(), "longer than the buffer", {}, call_).ok());
  EXPECT_EQ(ErrnoOf(ReceivePacket(client->get(), buffer, sizeof(buffer)).status()), EMSGSIZE);
  server.reset();
  const auto size = ReceivePacket(client->get(), buffer, sizeof(buffer));
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, 0u);
}

TEST_F(UnixSocketTest, NobodyListensIsRefused) {
  EXPECT_EQ(ErrnoOf(ConnectPackets(Path("none")).status()), ENOENT);
  { ASSERT_TRUE(ListenPackets(Path("dead")).ok()); }
  EXPECT_EQ(ErrnoOf(ConnectPackets(Path("dead")).status()), ECONNREFUSED);
}

TEST_F(UnixSocketTest, ListenReplacesADeadSocket) {
  { ASSERT_TRUE(ListenPackets(Path("s")).ok()); }
  auto listener = ListenPackets(Path("s"));
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(ConnectPackets(Path("s")).ok());
}

TEST_F(UnixSocketTest, PathsLongerThanAnAddressWork) {
  const std::string deep = Path(std::string(120, 'd'));
  ASSERT_TRUE(MakeDirs(deep, 0700).ok());
  auto listener = ListenPackets(deep + "/shim.sock");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(ConnectPackets(deep + "/shim.sock").ok());
}

TEST_F(UnixSocketTest, ADescriptorCrosses) {
  auto listener = ListenPackets(Path("s"));
  auto client = ConnectPackets(Path("s"));
  ASSERT_TRUE(client.ok()) << client.status();
  const Fd server(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(SendPacket(client->get(), "x", {null.get()}, call_).ok());
  char byte;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSERT_EQ(recvmsg(server.get(), &message, MSG_CMSG_CLOEXEC), 1);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  int received;
  memcpy(&received, CMSG_DATA(header), sizeof(int));
  const Fd owned(received);
  EXPECT_GE(fcntl(owned.get(), F_GETFD), 0);
}

TEST_F(UnixSocketTest, SendToAPeerThatDoesNotReadEndsWithTheCall) {
  auto listener = ListenPackets(Path("s"));
  auto client = ConnectPackets(Path("s"));
  ASSERT_TRUE(client.ok()) << client.status();
  const Fd server(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  const CallContext brief = CallContext::WithTimeout(std::chrono::milliseconds(100));
  absl::Status status;
  for (int i = 0; i < 10000 && status.ok(); ++i) status = SendPacket(client->get(), std::string(10000, 'x'), {}, brief);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace crisp
