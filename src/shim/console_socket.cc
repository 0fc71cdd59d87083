#include "shim/console_socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

namespace crisp::shim {
namespace {

// The one descriptor that comes with a message whose bytes (the name of the terminal) do not matter.
Fd ReceiveDescriptor(int socket) {
  char name[256];
  iovec data{name, sizeof(name)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) return Fd();
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return Fd();
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  return Fd(fd);
}

bool IsMaster(int fd) {
  unsigned number = 0;
  return ioctl(fd, TIOCGPTN, &number) == 0;
}

}  // namespace

std::string ConsoleSocket::path() const {
  if (!listener_.valid()) return {};
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(directory_.get()) + "/" + name_;
}

int ConsoleSocket::Listen(const std::string& directory, std::string name) {
  name_ = std::move(name);
  directory_.reset(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_.valid()) return errno;
  listener_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener_.valid()) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string where = path();
  if (where.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  memcpy(address.sun_path, where.c_str(), where.size() + 1);
  unlinkat(directory_.get(), name_.c_str(), 0);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return errno;
  return listen(listener_.get(), 1) == 0 ? 0 : errno;
}

Fd ConsoleSocket::TakeMaster() {
  Fd master;
  if (Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)); socket.valid()) {
    master = ReceiveDescriptor(socket.get());
  }
  Close();
  if (!master.valid() || !IsMaster(master.get())) return Fd();
  fcntl(master.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  return master;
}

void ConsoleSocket::Close() {
  if (listener_.valid()) unlinkat(directory_.get(), name_.c_str(), 0);
  listener_.reset();
  directory_.reset();
}

}  // namespace crisp::shim
