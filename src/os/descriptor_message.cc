#include "os/descriptor_message.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace crisp {
namespace {

void TakeDescriptors(const cmsghdr& from, Fd* into, size_t places) {
  const size_t count = (from.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; ++i) {
    int fd;
    memcpy(&fd, CMSG_DATA(&from) + i * sizeof(int), sizeof(int));
    Fd owned(fd);  // closed if there is no place for it
    if (i < places) into[i] = std::move(owned);
  }
}

}  // namespace

int SendMessage(int socket, std::string_view bytes, const int* attached, size_t count) {
  if (count > kMaxAttached) return E2BIG;
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxAttached * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), attached, count * sizeof(int));
  }
  return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

ReceivedMessage ReceiveMessage(int socket, char* buffer, size_t capacity, Fd* attached, size_t count) {
  iovec data{buffer, capacity};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxAttached * sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (count > 0) {  // without a control buffer the kernel drops descriptors (unix(7))
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(std::min(count, kMaxAttached) * sizeof(int));
  }
  ReceivedMessage received;
  received.size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received.size < 0) return received;
  received.cut_off = (message.msg_flags & MSG_TRUNC) != 0;
  received.lacks_descriptors = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_RIGHTS) TakeDescriptors(*one, attached, count);
  }
  return received;
}

int PeerOf(int socket, ucred* peer) {
  socklen_t size = sizeof(*peer);
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0 ? 0 : errno;
}

}  // namespace crisp
