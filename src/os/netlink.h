// Netlink: links and addresses of one network namespace, by rtnetlink(7) through libnl.
//
// Ownership: owns one socket. A socket stays in the namespace in which it was opened, whoever uses it later: one opened
//   inside a pod can be kept and asked from any thread of the daemon.
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
  // In the namespace of the calling thread.
  static absl::StatusOr<Netlink> Open();
  // In the namespace pinned to `netns_path` (os/netns.h).
  static absl::StatusOr<Netlink> OpenIn(const std::string& netns_path);

  // OK if it is up.
  absl::Status BringUp(const std::string& interface);

  // Without prefix length, as the kernel lists them: IPv4 first. Link-local and other narrow scopes are left out.
  absl::StatusOr<std::vector<std::string>> Addresses(const std::string& interface);

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Free> socket_;
};

}  // namespace crisp
