#include "os/link_stats.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/netns.h"

namespace crisp {
namespace {

// The kernel answers a dump at once; this is a safeguard.
constexpr timeval kAnswerLimit{2, 0};

struct DumpRequest {
  nlmsghdr header;
  ifinfomsg info;
  // Leaves out the counters of each address family, which are more than all the rest.
  rtattr filter;
  uint32_t filter_mask;
};

absl::Status SendDumpRequest(int socket, uint32_t sequence) {
  DumpRequest request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = sequence;
  request.info.ifi_family = AF_UNSPEC;
  request.filter.rta_type = IFLA_EXT_MASK;
  request.filter.rta_len = RTA_LENGTH(sizeof(request.filter_mask));
  request.filter_mask = RTEXT_FILTER_SKIP_STATS;
  while (send(socket, &request, sizeof(request), 0) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "ask for the interfaces");
  }
  return absl::OkStatus();
}

void CopyCounters(const rtattr* attribute, LinkReading* reading) {
  rtnl_link_stats64 stats{};
  // Newer kernels append fields.
  memcpy(&stats, RTA_DATA(attribute), std::min<size_t>(sizeof(stats), RTA_PAYLOAD(attribute)));
  reading->rx_bytes = stats.rx_bytes;
  reading->rx_packets = stats.rx_packets;
  reading->rx_errors = stats.rx_errors;
  reading->rx_dropped = stats.rx_dropped;
  reading->tx_bytes = stats.tx_bytes;
  reading->tx_packets = stats.tx_packets;
  reading->tx_errors = stats.tx_errors;
  reading->tx_dropped = stats.tx_dropped;
}

LinkReading ParseLink(const nlmsghdr* message) {
  const auto* const info = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  LinkReading reading;
  reading.loopback = (info->ifi_flags & IFF_LOOPBACK) != 0;
  auto left = static_cast<int>(IFLA_PAYLOAD(message));
  for (const rtattr* attribute = IFLA_RTA(info); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type == IFLA_IFNAME) {
      const auto* const name = static_cast<const char*>(RTA_DATA(attribute));
      reading.name.assign(name, strnlen(name, RTA_PAYLOAD(attribute)));
    } else if (attribute->rta_type == IFLA_STATS64) {
      CopyCounters(attribute, &reading);
    }
  }
  return reading;
}

}  // namespace

absl::StatusOr<LinkStats> LinkStats::Open() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return ErrnoStatus(errno, "open a netlink socket");
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerLimit, sizeof(kAnswerLimit)) != 0) {
    return ErrnoStatus(errno, "set up a netlink socket");
  }
  return LinkStats(std::move(socket));
}

absl::StatusOr<LinkStats> LinkStats::OpenIn(const std::string& netns_path) {
  std::optional<LinkStats> stats;
  RETURN_IF_ERROR(RunInNetns(netns_path, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(stats, Open());
    return absl::OkStatus();
  }));
  return *std::move(stats);
}

absl::StatusOr<std::vector<LinkReading>> LinkStats::Read() {
  const uint32_t sequence = ++sequence_;
  RETURN_IF_ERROR(SendDumpRequest(socket_.get(), sequence));
  std::vector<LinkReading> links;
  alignas(nlmsghdr) std::array<char, 32 << 10> buffer;
  for (;;) {
    const ssize_t received = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return ErrnoStatus(errno, "list the interfaces");
    auto left = static_cast<unsigned>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != sequence) continue;  // of an earlier answer that came too late
      if (message->nlmsg_type == NLMSG_DONE) return links;
      if (message->nlmsg_type == NLMSG_ERROR) {
        return ErrnoStatus(-static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error, "list the interfaces");
      }
      if (message->nlmsg_type == RTM_NEWLINK) links.push_back(ParseLink(message));
    }
  }
}

}  // namespace crisp
