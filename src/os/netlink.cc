#include "os/netlink.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/netns.h"

namespace crisp {
namespace {

using Link = std::unique_ptr<rtnl_link, decltype([](rtnl_link* link) { rtnl_link_put(link); })>;
using Cache = std::unique_ptr<nl_cache, decltype([](nl_cache* cache) { nl_cache_free(cache); })>;

absl::Status NetlinkError(int error, absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", nl_geterror(error)));
}

absl::StatusOr<Link> FindLink(nl_sock* socket, const std::string& interface) {
  rtnl_link* found = nullptr;
  if (const int error = rtnl_link_get_kernel(socket, 0, interface.c_str(), &found); error != 0) {
    return NetlinkError(error, absl::StrCat("find interface ", interface));
  }
  return Link(found);
}

// The address without the prefix length of "10.1.2.3/24"; empty if there is no address.
std::string TextOf(nl_addr* address) {
  if (address == nullptr) return "";
  std::array<char, 128> text{};
  const std::string with_prefix = nl_addr2str(address, text.data(), text.size());
  return with_prefix.substr(0, with_prefix.find('/'));
}

}  // namespace

void Netlink::Free::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

absl::StatusOr<Netlink> Netlink::Open() {
  Netlink netlink;
  netlink.socket_.reset(nl_socket_alloc());
  if (netlink.socket_ == nullptr) return absl::InternalError("open a netlink socket: out of memory");
  if (const int error = nl_connect(netlink.socket_.get(), NETLINK_ROUTE); error != 0) {
    return NetlinkError(error, "open a netlink socket");
  }
  return netlink;
}

absl::StatusOr<Netlink> Netlink::OpenIn(const std::string& netns_path) {
  absl::StatusOr<Netlink> netlink = absl::InternalError("not opened");
  RETURN_IF_ERROR(RunInNetns(netns_path, [&] {
    netlink = Open();
    return netlink.status();
  }));
  return netlink;
}

absl::Status Netlink::BringUp(const std::string& interface) {
  ASSIGN_OR_RETURN(const Link link, FindLink(socket_.get(), interface));
  const Link change(rtnl_link_alloc());
  if (change == nullptr) return absl::InternalError(absl::StrCat("bring up ", interface, ": out of memory"));
  rtnl_link_set_flags(change.get(), IFF_UP);
  if (const int error = rtnl_link_change(socket_.get(), link.get(), change.get(), 0); error != 0) {
    return NetlinkError(error, absl::StrCat("bring up ", interface));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Netlink::Addresses(const std::string& interface) {
  ASSIGN_OR_RETURN(const Link link, FindLink(socket_.get(), interface));
  nl_cache* filled = nullptr;
  if (const int error = rtnl_addr_alloc_cache(socket_.get(), &filled); error != 0) {
    return NetlinkError(error, absl::StrCat("list addresses of ", interface));
  }
  const Cache cache(filled);
  std::vector<std::string> addresses;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    if (rtnl_addr_get_ifindex(address) != rtnl_link_get_ifindex(link.get())) continue;
    if (rtnl_addr_get_scope(address) >= RT_SCOPE_LINK) continue;
    if (std::string text = TextOf(rtnl_addr_get_local(address)); !text.empty()) addresses.push_back(std::move(text));
  }
  return addresses;
}

}  // namespace crisp
