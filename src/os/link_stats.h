// LinkStats: the counters of the interfaces of one network namespace, by rtnetlink(7), without libnl: a dump of links
// costs some ten microseconds, and pods are asked by the dozen.
//
// Ownership: owns one socket. It stays in the namespace in which it was opened, whichever thread reads from it, and
//   keeps that namespace alive: it must go before the namespace shall.
// Threading: one thread at a time. Errors: ErrnoStatus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

// Since the interface was made (struct rtnl_link_stats64).
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
  // In the namespace pinned to `netns_path` (os/netns.h).
  static absl::StatusOr<LinkStats> OpenIn(const std::string& netns_path);
  // In that of the calling thread.
  static absl::StatusOr<LinkStats> Open();

  // All interfaces, by index.
  absl::StatusOr<std::vector<LinkReading>> Read();

 private:
  explicit LinkStats(Fd socket) : socket_(std::move(socket)) {}

  Fd socket_;
  uint32_t sequence_ = 0;
};

}  // namespace crisp
