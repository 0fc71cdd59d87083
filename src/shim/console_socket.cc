#include "shim/console_socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "os/descriptor_message.h"

namespace crisp::shim {
namespace {

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
    char name[256];  // of the terminal; nobody needs it
    ReceiveMessage(socket.get(), name, sizeof(name), &master, 1);
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
