#include "os/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

// There as soon as the kernel tracks connections of this network namespace.
constexpr char kTracking[] = "/proc/sys/net/netfilter/nf_conntrack_count";

// The kernel answers at once; this is a safeguard.
constexpr timeval kAnswerLimit{2, 0};

// A bit of CTA_FILTER_ORIG_FLAGS: a dump is filtered by CTA_PROTO_NUM. The bits are part of the kernel's interface, but
// of none of its headers (net/netfilter/nf_internals.h). A kernel before 5.8 knows no filter and dumps everything. The
// bit of the source address does not work for IPv6: Linux 6.18 then leaves out what is equal.
constexpr uint32_t kByProtocol = 1 << 3;

using Socket = std::unique_ptr<nl_sock, decltype([](nl_sock* socket) { nl_socket_free(socket); })>;
using Message = std::unique_ptr<nl_msg, decltype([](nl_msg* message) { nlmsg_free(message); })>;
using Attributes = std::array<nlattr*, CTA_MAX + 1>;

absl::Status Failed(int error, absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", nl_geterror(error)));
}

// An address as it stands in messages: 4 or 16 bytes in network order.
using Bytes = std::string;

absl::StatusOr<Bytes> ParseAddress(const std::string& text) {
  Bytes bytes(sizeof(in6_addr), '\0');
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(sizeof(in_addr));
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return absl::InternalError(absl::StrCat("\"", text, "\" is not an IP address"));
}

// One direction of a flow.
struct Tuple {
  uint8_t protocol = 0;
  Bytes source;
  Bytes destination;
  uint16_t destination_port = 0;
};

Bytes BytesOf(nlattr* v4, nlattr* v6) {
  nlattr* const address = v4 != nullptr ? v4 : v6;
  if (address == nullptr) return Bytes();
  return Bytes(static_cast<const char*>(nla_data(address)), static_cast<size_t>(nla_len(address)));
}

std::optional<Tuple> ParseTuple(nlattr* attribute) {
  std::array<nlattr*, CTA_TUPLE_MAX + 1> parts{};
  std::array<nlattr*, CTA_IP_MAX + 1> ip{};
  std::array<nlattr*, CTA_PROTO_MAX + 1> transport{};
  if (attribute == nullptr || nla_parse_nested(parts.data(), CTA_TUPLE_MAX, attribute, nullptr) < 0) return {};
  if (parts[CTA_TUPLE_IP] == nullptr || parts[CTA_TUPLE_PROTO] == nullptr) return {};
  if (nla_parse_nested(ip.data(), CTA_IP_MAX, parts[CTA_TUPLE_IP], nullptr) < 0) return {};
  if (nla_parse_nested(transport.data(), CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], nullptr) < 0) return {};
  Tuple tuple;
  tuple.source = BytesOf(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC]);
  tuple.destination = BytesOf(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST]);
  if (transport[CTA_PROTO_NUM] != nullptr) tuple.protocol = nla_get_u8(transport[CTA_PROTO_NUM]);
  if (nlattr* const port = transport[CTA_PROTO_DST_PORT]; port != nullptr) {
    tuple.destination_port = ntohs(nla_get_u16(port));
  }
  return tuple;
}

// What is looked for. The kernel's filter lets more through.
struct Search {
  const std::set<uint16_t>* host_ports;
  std::set<Bytes> targets;  // empty: any
  uint8_t family;

  bool Matches(const Tuple& original, const Tuple& reply) const {
    if (original.protocol != IPPROTO_UDP || host_ports->count(original.destination_port) == 0) return false;
    return targets.empty() ? reply.source != original.destination : targets.count(reply.source) > 0;
  }
};

absl::StatusOr<Message> NewMessage(uint8_t type, int flags, uint8_t family) {
  Message message(nlmsg_alloc_simple((NFNL_SUBSYS_CTNETLINK << 8) | type, flags));
  nfgenmsg header{family, NFNETLINK_V0, 0};
  if (message == nullptr || nlmsg_append(message.get(), &header, sizeof(header), NLMSG_ALIGNTO) != 0) {
    return absl::InternalError("out of memory");
  }
  return message;
}

// Adds an attribute whose own attributes `fill` adds. False without memory.
template <typename Fill>
bool AddNested(nl_msg* message, int type, Fill fill) {
  nlattr* const begin = nla_nest_start(message, type | NLA_F_NESTED);
  if (begin == nullptr || !fill()) return false;
  nla_nest_end(message, begin);
  return true;
}

// Only UDP entries.
bool AddFilter(nl_msg* message) {
  const auto protocol = [&] { return nla_put_u8(message, CTA_PROTO_NUM, IPPROTO_UDP) == 0; };
  const auto original = [&] { return AddNested(message, CTA_TUPLE_PROTO, protocol); };
  const auto flags = [&] { return nla_put_u32(message, CTA_FILTER_ORIG_FLAGS, kByProtocol) == 0; };
  return AddNested(message, CTA_TUPLE_ORIG, original) && AddNested(message, CTA_FILTER, flags);
}

// What names one entry in the order to delete it: its tuple as it came, and its id, so that a later entry of the same
// tuple stays. Attributes as they stand in messages.
std::string NameOf(const Attributes& entry) {
  std::string name;
  for (const ctattr_type type : {CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID}) {
    const nlattr* const attribute = entry[type];
    if (attribute != nullptr) name.append(reinterpret_cast<const char*>(attribute), NLA_ALIGN(attribute->nla_len));
  }
  return name;
}

// What a dump is received into. A busy port has very many clients.
struct Found {
  const Search* search;
  std::vector<std::string> names;
};

// A callback of libnl, called for each entry.
int Look(nl_msg* message, void* argument) {
  auto* const found = static_cast<Found*>(argument);
  Attributes entry{};
  if (nlmsg_parse(nlmsg_hdr(message), sizeof(nfgenmsg), entry.data(), CTA_MAX, nullptr) < 0) return NL_SKIP;
  const std::optional<Tuple> original = ParseTuple(entry[CTA_TUPLE_ORIG]);
  const std::optional<Tuple> reply = ParseTuple(entry[CTA_TUPLE_REPLY]);
  if (original && reply && found->search->Matches(*original, *reply)) found->names.push_back(NameOf(entry));
  return NL_OK;
}

absl::StatusOr<Socket> OpenSocket() {
  Socket socket(nl_socket_alloc());
  if (socket == nullptr) return absl::InternalError("open a netlink socket: out of memory");
  if (const int error = nl_connect(socket.get(), NETLINK_NETFILTER); error != 0) {
    return Failed(error, "open a netlink socket");
  }
  const int fd = nl_socket_get_fd(socket.get());
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kAnswerLimit, sizeof(kAnswerLimit)) != 0) {
    return ErrnoStatus(errno, "set up a netlink socket");
  }
  return socket;
}

absl::StatusOr<std::vector<std::string>> Find(nl_sock* socket, const Search& search) {
  ASSIGN_OR_RETURN(const Message request, NewMessage(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, search.family));
  if (!AddFilter(request.get())) return absl::InternalError("out of memory");
  Found found{&search, {}};
  nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, Look, &found);
  if (const int error = nl_send_auto(socket, request.get()); error < 0) return Failed(error, "ask for the entries");
  if (const int error = nl_recvmsgs_default(socket); error < 0) return Failed(error, "list the entries");
  return std::move(found.names);
}

// False if it has ended by itself.
absl::StatusOr<bool> Delete(nl_sock* socket, const std::string& name, uint8_t family) {
  ASSIGN_OR_RETURN(Message order, NewMessage(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, family));
  std::string attributes = name;  // libnl takes no const
  if (nlmsg_append(order.get(), attributes.data(), attributes.size(), NLMSG_ALIGNTO) != 0) {
    return absl::InternalError("out of memory");
  }
  const int error = nl_send_sync(socket, order.release());  // frees the message
  if (error < 0 && error != -NLE_OBJ_NOTFOUND) return Failed(error, "delete an entry");
  return error >= 0;
}

absl::StatusOr<size_t> DeleteAll(const Search& search) {
  ASSIGN_OR_RETURN(const Socket looking, OpenSocket());
  ASSIGN_OR_RETURN(const std::vector<std::string> names, Find(looking.get(), search));
  ASSIGN_OR_RETURN(const Socket deleting, OpenSocket());
  size_t deleted = 0;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const bool was_there, Delete(deleting.get(), name, search.family));
    if (was_there) ++deleted;
  }
  return deleted;
}

// One for each family of addresses.
absl::StatusOr<std::vector<Search>> SearchesFor(const std::set<uint16_t>& host_ports,
                                                const std::vector<std::string>& targets) {
  Search v4{&host_ports, {}, AF_INET};
  Search v6{&host_ports, {}, AF_INET6};
  for (const std::string& target : targets) {
    ASSIGN_OR_RETURN(const Bytes address, ParseAddress(target));
    (address.size() == sizeof(in_addr) ? v4 : v6).targets.insert(address);
  }
  std::vector<Search> searches;
  for (Search* search : {&v4, &v6}) {
    if (targets.empty() || !search->targets.empty()) searches.push_back(std::move(*search));
  }
  return searches;
}

}  // namespace

absl::StatusOr<size_t> DeleteUdpFlows(const std::set<uint16_t>& host_ports, const std::vector<std::string>& targets) {
  if (host_ports.empty() || !Exists(kTracking)) return 0;
  ASSIGN_OR_RETURN(const std::vector<Search> searches, SearchesFor(host_ports, targets));
  size_t deleted = 0;
  for (const Search& search : searches) {
    ASSIGN_OR_RETURN(const size_t more, DeleteAll(search), "delete conntrack entries");
    deleted += more;
  }
  return deleted;
}

}  // namespace crisp
