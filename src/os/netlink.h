// Netlink: links and addresses of one network namespace, by rtnetlink(7) through libnl.
//
// Ownership: owns one socket. A socket stays in the namespace in which it was opened: one that was opened in a pod's
// can
//   be used later by any thread of the daemon.
// Threading: one thread at a time.
// Errors: Internal, naming the interface and libnl's reason.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct nl_sock;

namespace crisp {

class Netlink {
 public:
  // Opens the socket in the namespace of the calling thread.
  static absl::StatusOr<Netlink> Open();
  // Opens it in the namespace that `netns_path` pins (os/netns.h).
  static absl::StatusOr<Netlink> OpenIn(const std::string& netns_path);

  // OK if it is up already.
  absl::Status BringUp(const std::string& interface);

  // The addresses without prefix length, in the kernel's order, IPv4 first. Addresses of link or host scope are left
  // out.
  absl::StatusOr<std::vector<std::string>> Addresses(const std::string& interface);

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Free> socket_;
};

}  // namespace crisp
