// Packet sockets (AF_UNIX, SOCK_SEQPACKET): one send is one packet, whole or not at all.
//
// All sockets are close-on-exec and non-blocking. A path longer than sun_path (108 bytes, unix(7)) works too: it is
// reached through a descriptor of its directory.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
#include "os/descriptor_message.h"
#include "os/fd.h"

namespace crisp {

// Binds and listens. A socket that is there already is removed first: the caller owns the directory.
absl::StatusOr<Fd> ListenPackets(const std::string& path);

// Error with ErrnoOf ENOENT or ECONNREFUSED if nobody listens.
absl::StatusOr<Fd> ConnectPackets(const std::string& path);

// OK if the peer runs as this process's effective user (SO_PEERCRED), else PermissionDenied.
absl::Status CheckPeer(int socket);

// Sends one packet, with the descriptors `attached` (at most kMaxAttached), in their order; waits for room as long as
// `call` allows.
absl::Status SendPacket(int socket, absl::string_view packet, const std::vector<int>& attached, const Call& call);

// Receives one packet into `buffer`. 0: the peer has closed; EAGAIN (ErrnoOf): there is none now. The first descriptor
// that came with it is given to `attached`, the others are closed; all of them if it is null. A packet longer than the
// buffer is an error.
absl::StatusOr<size_t> ReceivePacket(int socket, char* buffer, size_t capacity, Fd* attached = nullptr);

}  // namespace crisp
