#include "os/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

constexpr int kBacklog = 8;  // of a packet socket, whose clients are few and known

// An address, and the descriptor of the directory that it goes through if the path is long.
struct Address {
  sockaddr_un name{};
  Fd directory;
};

absl::StatusOr<Address> AddressOf(const std::string& path) {
  Address address;
  address.name.sun_family = AF_UNIX;
  std::string shown = path;
  if (shown.size() >= sizeof(address.name.sun_path)) {
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
    address.directory = Fd(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.directory.valid()) return ErrnoStatus(errno, absl::StrCat("open ", parent));
    shown = absl::StrCat("/proc/self/fd/", address.directory.get(), "/", path.substr(slash + 1));
  }
  if (shown.size() >= sizeof(address.name.sun_path)) return ErrnoStatus(ENAMETOOLONG, path);
  memcpy(address.name.sun_path, shown.c_str(), shown.size() + 1);
  return address;
}

absl::StatusOr<Fd> MakeSocket(int type) {
  Fd socket_fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_fd.valid()) return ErrnoStatus(errno, "make a socket");
  return socket_fd;
}

absl::StatusOr<Fd> Listen(const std::string& path, int type, int backlog) {
  ASSIGN_OR_RETURN(const Address address, AddressOf(path));
  ASSIGN_OR_RETURN(Fd listener, MakeSocket(type));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("remove ", path));
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address.name), sizeof(address.name)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("bind ", path));
  }
  if (listen(listener.get(), backlog) != 0) return ErrnoStatus(errno, absl::StrCat("listen at ", path));
  return listener;
}

}  // namespace

absl::StatusOr<Fd> ListenPackets(const std::string& path) {
  return Listen(path, SOCK_SEQPACKET, kBacklog);
}

absl::StatusOr<Fd> ListenStream(const std::string& path) {
  ASSIGN_OR_RETURN(Fd listener, Listen(path, SOCK_STREAM, SOMAXCONN));
  if (chmod(path.c_str(), 0660) != 0) return ErrnoStatus(errno, absl::StrCat("chmod ", path));
  return listener;
}

absl::StatusOr<Fd> ConnectPackets(const std::string& path) {
  ASSIGN_OR_RETURN(const Address address, AddressOf(path));
  ASSIGN_OR_RETURN(Fd connected, MakeSocket(SOCK_SEQPACKET));
  // With a full backlog connect(2) returns EAGAIN at once.
  if (connect(connected.get(), reinterpret_cast<const sockaddr*>(&address.name), sizeof(address.name)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("connect to ", path));
  }
  return connected;
}

absl::Status CheckPeer(int socket) {
  ucred peer{};
  if (const int error = PeerOf(socket, &peer); error != 0) return ErrnoStatus(error, "ask who the peer is");
  if (peer.uid == geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("the peer runs as user ", peer.uid, ", not as ", geteuid()));
}

absl::Status SendPacket(int socket, absl::string_view packet, const std::vector<int>& attached,
                        const CallContext& call) {
  const std::string_view bytes(packet.data(), packet.size());
  while (const int error = SendMessage(socket, bytes, attached.data(), attached.size())) {
    if (error != EAGAIN && error != EINTR && error != ENOBUFS) return ErrnoStatus(error, "send a packet");
    RETURN_IF_ERROR(call.Check(), "send a packet");
    pollfd room{socket, POLLOUT, 0};
    poll(&room, 1, PollMillis(call.NextLook()));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> ReceivePacket(int socket, char* buffer, size_t capacity, Fd* attached) {
  const ReceivedMessage packet = ReceiveMessage(socket, buffer, capacity, attached, attached != nullptr ? 1 : 0);
  if (packet.size < 0) return ErrnoStatus(errno == EINTR ? EAGAIN : errno, "receive a packet");
  if (packet.cut_off) return ErrnoStatus(EMSGSIZE, "receive a packet");
  return static_cast<size_t>(packet.size);
}

}  // namespace crisp
