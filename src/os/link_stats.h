// LinkStats: reads the counters of all interfaces of one network namespace, by rtnetlink(7). Without libnl a dump of
// the links takes some ten microseconds, which matters because all pods are read often.
//
// Ownership: owns one socket. A socket stays in the namespace in which it was opened, whichever thread uses it, and
// keeps
//   that namespace alive: destroy this object before the namespace is to end.
// Threading: one thread at a time. Errors: ErrnoStatus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

// Counters since the interface was created (struct rtnl_link_stats64).
struct LinkReading {
  std::string name;
  bool loopback = false;
  uint64_t rx_bytes = 0;
  uint64_t rx_packets = 0;
  uint64_t rx_errors = 0;
  uint64_t rx_dropped = 0;
  uint64_t tx_bytes = 0;
  uint64_t tx_packets = 0;
  uint64_t tx_errors = 0;
  uint64_t tx_dropped = 0;
};

class LinkStats {
 public:
  // Opens the socket in the namespace that `netns_path` pins (os/netns.h).
  static absl::StatusOr<LinkStats> OpenIn(const std::string& netns_path);
  // Opens it in the namespace of the calling thread.
  static absl::StatusOr<LinkStats> Open();

  // All interfaces, ordered by index.
  absl::StatusOr<std::vector<LinkReading>> Read();

 private:
  explicit LinkStats(Fd socket) : socket_(std::move(socket)) {}

  Fd socket_;
  uint32_t sequence_ = 0;
};

}  // namespace crisp
