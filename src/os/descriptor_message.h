// Messages with descriptors over unix sockets (unix(7), SCM_RIGHTS): one attempt each, which never waits. No Abseil, no
// allocation: the shim uses it; the daemon's view of it is os/unix_socket.h.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string_view>

#include "os/fd.h"

namespace crisp {

// At most so many descriptors go with a message here.
inline constexpr size_t kMaxAttached = 8;

// Sends `bytes` with `count` descriptors, which remain the caller's. 0 or an errno value: EAGAIN if there is no room.
int SendMessage(int socket, std::string_view bytes, const int* attached, size_t count);

struct ReceivedMessage {
  ssize_t size = -1;               // 0: the peer has closed; below 0: errno says why there is none
  bool cut_off = false;            // it was longer than the buffer
  bool lacks_descriptors = false;  // the process had no room for all that came with it
};

// Receives into `buffer`, and up to `count` descriptors, close-on-exec, into `attached`. What else comes is closed.
ReceivedMessage ReceiveMessage(int socket, char* buffer, size_t capacity, Fd* attached, size_t count);

// Who is at the other end (SO_PEERCRED): of a socket that has connected, whoever called listen(2) last. 0 or an errno
// value.
int PeerOf(int socket, ucred* peer);

}  // namespace crisp
