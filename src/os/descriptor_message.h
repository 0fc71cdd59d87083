// Sends and receives messages with descriptors over unix sockets (unix(7), SCM_RIGHTS). No function waits. No Abseil,
// no allocation: the shim uses it too. os/unix_socket.h is the daemon's interface.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string_view>

#include "os/fd.h"

namespace crisp {

// The most descriptors that a message can carry here.
inline constexpr size_t kMaxAttached = 8;

// Sends `bytes` with `count` descriptors, which the caller keeps. 0 or an errno value: EAGAIN if there is no room.
int SendMessage(int socket, std::string_view bytes, const int* attached, size_t count);

struct ReceivedMessage {
  ssize_t size = -1;               // 0: the peer has closed; negative: no message, and errno says why
  bool cut_off = false;            // the message was longer than the buffer
  bool lacks_descriptors = false;  // the process had no room for all descriptors of the message
};

// Receives into `buffer`, and up to `count` descriptors, close-on-exec, into `attached`. Further descriptors are
// closed.
ReceivedMessage ReceiveMessage(int socket, char* buffer, size_t capacity, Fd* attached, size_t count);

// The credentials of the other end (SO_PEERCRED). On the connecting side these are those of the last caller of
// listen(2). 0 or an errno value.
int PeerOf(int socket, ucred* peer);

}  // namespace crisp
