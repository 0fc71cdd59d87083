// Unix sockets: packet sockets (AF_UNIX, SOCK_SEQPACKET), whose packets are sent and received as a whole, and a
// listener for streams.
//
// All sockets are close-on-exec and non-blocking. Paths longer than sun_path (108 bytes, unix(7)) work too, through a
// descriptor of their directory.
//
// Threading: from any thread. Errors: ErrnoStatus where nothing else is said.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "os/descriptor_message.h"
#include "os/fd.h"

namespace crisp {

// Binds and listens. Removes an existing socket first: the caller owns the directory.
absl::StatusOr<Fd> ListenPackets(const std::string& path);

// The same for a stream socket, which its owner and group may connect to (mode 0660).
absl::StatusOr<Fd> ListenStream(const std::string& path);

// Connects. ErrnoOf is ENOENT or ECONNREFUSED if nobody listens.
absl::StatusOr<Fd> ConnectPackets(const std::string& path);

// OK if the peer's user is this process's effective user (SO_PEERCRED), else PermissionDenied.
absl::Status CheckPeer(int socket);

// Sends one packet with the descriptors `attached`, at most kMaxAttached. Waits for room as long as `call` allows.
absl::Status SendPacket(int socket, absl::string_view packet, const std::vector<int>& attached,
                        const CallContext& call);

// Receives one packet into `buffer`; does not wait. Returns its size; 0 if the peer has closed. ErrnoOf is EAGAIN if
// there is no packet now. The first descriptor of the packet goes to `attached`, the others are closed; all are closed
// if `attached` is null. A packet longer than the buffer is an error.
absl::StatusOr<size_t> ReceivePacket(int socket, char* buffer, size_t capacity, Fd* attached = nullptr);

}  // namespace crisp
