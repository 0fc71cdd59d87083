#include "base/proxy_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace crisp {
namespace {

constexpr int kIpv4Offset = 96;  // bits of ::ffff:0:0/96
constexpr int kAddressBits = 128;

std::string FirstSet(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* const value = getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

// The proxy as libcurl takes it. Go asks a socks5 proxy to resolve names, which libcurl calls socks5h.
std::string ProxyUrl(absl::string_view text) {
  if (text.empty()) return "";
  if (!absl::StrContains(text, "://")) return absl::StrCat("http://", text);
  if (absl::ConsumePrefix(&text, "socks5://")) return absl::StrCat("socks5h://", text);
  return std::string(text);
}

struct Address {
  in6_addr bytes{};
  bool is_ipv4 = false;
};

std::optional<Address> ParseAddress(const std::string& text) {
  Address address;
  if (inet_pton(AF_INET6, text.c_str(), &address.bytes) == 1) return address;
  in_addr ipv4{};
  if (inet_pton(AF_INET, text.c_str(), &ipv4) != 1) return std::nullopt;
  address.is_ipv4 = true;
  address.bytes.s6_addr[10] = address.bytes.s6_addr[11] = 0xff;
  std::memcpy(&address.bytes.s6_addr[12], &ipv4, sizeof(ipv4));
  return address;
}

bool SamePrefix(const in6_addr& a, const in6_addr& b, int bits) {
  const int bytes = bits / 8;
  if (std::memcmp(a.s6_addr, b.s6_addr, static_cast<size_t>(bytes)) != 0) return false;
  if (bits % 8 == 0) return true;
  const int mask = 0xff << (8 - bits % 8);
  return (a.s6_addr[bytes] & mask) == (b.s6_addr[bytes] & mask);
}

// "host:port", "[address]:port" or a host alone.
std::pair<std::string, std::string> SplitPort(absl::string_view entry) {
  const size_t colon = entry.rfind(':');
  const bool one_colon = colon != absl::string_view::npos && entry.find(':') == colon;
  const bool bracketed =
      absl::StartsWith(entry, "[") && colon != 0 && colon != absl::string_view::npos && entry[colon - 1] == ']';
  if (bracketed) return {std::string(entry.substr(1, colon - 2)), std::string(entry.substr(colon + 1))};
  if (one_colon) return {std::string(entry.substr(0, colon)), std::string(entry.substr(colon + 1))};
  return {std::string(entry), ""};
}

}  // namespace

ProxyRules ProxyRules::FromEnvironment() {
  return ProxyRules(FirstSet({"HTTP_PROXY", "http_proxy"}), FirstSet({"HTTPS_PROXY", "https_proxy"}),
                    FirstSet({"NO_PROXY", "no_proxy"}));
}

ProxyRules::ProxyRules(absl::string_view http_proxy, absl::string_view https_proxy, absl::string_view no_proxy)
    : http_proxy_(ProxyUrl(http_proxy)), https_proxy_(ProxyUrl(https_proxy)) {
  for (absl::string_view entry : absl::StrSplit(no_proxy, ',')) {
    entry = absl::StripAsciiWhitespace(entry);
    if (!entry.empty()) AddException(absl::AsciiStrToLower(entry));
  }
}

void ProxyRules::AddException(absl::string_view entry) {
  if (entry == "*") {
    no_proxy_at_all_ = true;
    return;
  }
  if (const size_t slash = entry.find('/'); slash != absl::string_view::npos) {
    const std::optional<Address> address = ParseAddress(std::string(entry.substr(0, slash)));
    int bits = 0;
    if (address.has_value() && absl::SimpleAtoi(entry.substr(slash + 1), &bits)) {
      const int prefix = bits + (address->is_ipv4 ? kIpv4Offset : 0);
      if (bits >= 0 && prefix <= kAddressBits) networks_.push_back({address->bytes, prefix, ""});
      return;
    }
  }
  auto [host, port] = SplitPort(entry);
  if (host.empty()) return;
  if (const std::optional<Address> address = ParseAddress(host)) {
    networks_.push_back({address->bytes, kAddressBits, port});
    return;
  }
  absl::string_view name = host;
  if (absl::StartsWith(name, "*.")) name.remove_prefix(1);
  const bool below_only = absl::StartsWith(name, ".");
  domains_.push_back({absl::StrCat(below_only ? "" : ".", name), !below_only, port});
}

std::string ProxyRules::ProxyFor(const Url& url) const {
  const std::string& proxy = url.scheme == "https" ? https_proxy_ : http_proxy_;
  return proxy.empty() || url.IsLoopback() || IsException(url) ? "" : proxy;
}

bool ProxyRules::IsException(const Url& url) const {
  if (no_proxy_at_all_) return true;
  const std::string host = url.HostName();
  const std::string port = url.Port();
  const auto for_port = [&](const auto& rule) { return rule.port.empty() || rule.port == port; };
  if (const std::optional<Address> address = ParseAddress(host)) {
    return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
      return for_port(network) && SamePrefix(network.address, address->bytes, network.prefix);
    });
  }
  return std::any_of(domains_.begin(), domains_.end(), [&](const Domain& domain) {
    const bool named = absl::EndsWith(host, domain.suffix) || (domain.itself && host == domain.suffix.substr(1));
    return for_port(domain) && named;
  });
}

}  // namespace crisp
