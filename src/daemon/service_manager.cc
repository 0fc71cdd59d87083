#include "daemon/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace crisp {
namespace {

// For a service manager that does not read: the kernel queues ten messages only (net.unix.max_dgram_qlen).
constexpr timeval kPatience{1, 0};

std::string TakeVariable(const char* name) {
  const char* value = getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);
  return text;
}

// True if the variable, a pid, means this process, or is not there.
bool IsForUs(const std::string& pid) {
  return pid.empty() || pid == absl::StrCat(getpid());
}

// The path that a listening unix socket is bound to; empty for any other descriptor.
std::string PathOf(int fd) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) return "";
  sockaddr_un address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 || address.sun_family != AF_UNIX) return "";
  return std::string(address.sun_path, strnlen(address.sun_path, sizeof(address.sun_path)));
}

void MakeNonBlocking(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

std::map<std::string, Fd> InheritedSockets(int first, int count) {
  std::map<std::string, Fd> sockets;
  for (int number = first; number < first + count; ++number) {
    Fd fd(number);
    std::string path = PathOf(number);
    if (path.empty()) {
      LogWarning("systemd hands over something that is no listening unix socket; look at the socket unit",
                 {{"descriptor", number}});
      continue;
    }
    MakeNonBlocking(number);
    sockets[std::move(path)] = std::move(fd);
  }
  return sockets;
}

}  // namespace

ServiceManager::ServiceManager(int first_socket) : notify_path_(TakeVariable("NOTIFY_SOCKET")) {
  if (!notify_path_.empty() && notify_path_[0] == '@') notify_path_[0] = '\0';
  const std::string watchdog = TakeVariable("WATCHDOG_USEC");
  int64_t microseconds = 0;
  if (IsForUs(TakeVariable("WATCHDOG_PID")) && absl::SimpleAtoi(watchdog, &microseconds)) {
    watchdog_time_ = std::chrono::microseconds(microseconds);
  }
  const std::string pid = TakeVariable("LISTEN_PID");
  const std::string count = TakeVariable("LISTEN_FDS");
  TakeVariable("LISTEN_FDNAMES");
  int sockets = 0;
  if (!pid.empty() && IsForUs(pid) && absl::SimpleAtoi(count, &sockets))
    sockets_ = InheritedSockets(first_socket, sockets);
}

void ServiceManager::SayStatus(absl::string_view text) const {
  Send(absl::StrCat("STATUS=", text));
}

void ServiceManager::SayReady(absl::string_view status) const {
  Send(absl::StrCat("READY=1\nSTATUS=", status));
}

void ServiceManager::SayReloading() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  Send(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000,
                    "\nSTATUS=reading the configuration again"));
}

void ServiceManager::SayStopping() const {
  Send("STOPPING=1\nSTATUS=ending; pods go on");
}

void ServiceManager::SayAlive() const {
  Send("WATCHDOG=1");
}

std::map<std::string, Fd> ServiceManager::TakeSockets() {
  return std::exchange(sockets_, {});
}

void ServiceManager::Send(absl::string_view message) const {
  if (notify_path_.empty()) return;
  sockaddr_un address{};
  if (notify_path_.size() > sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, notify_path_.data(), notify_path_.size());
  const Fd out(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  setsockopt(out.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_path_.size());
  if (sendto(out.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
             length) < 0) {
    LogWarning("systemd does not hear crispd", {{"message", message}, {"error", strerror(errno)}});
  }
}

}  // namespace crisp
