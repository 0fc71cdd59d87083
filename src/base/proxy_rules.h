// ProxyRules: which requests go through an HTTP proxy. The rules are those of the Go package
// golang.org/x/net/http/httpproxy, for which the environments of nodes are written:
//
//   HTTP_PROXY, HTTPS_PROXY   the proxy for requests to http and https URLs: a URL (http, https, socks5), or HOST:PORT.
//   NO_PROXY                  hosts without a proxy, with "," between: "example.com" (and all below it), ".example.com"
//                             or "*.example.com" (all below it only), "10.1.2.3", "10.0.0.0/8", each but the last with
//                             ":PORT" behind if it is for that port only; "*": no proxy for anything.
//
// The names in lower case count where those in upper case are unset or empty. Hosts on loopback never have a proxy.
// ALL_PROXY is not read.
//
// A value, thread-safe once it is made.
#pragma once

#include <netinet/in.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/url.h"

namespace crisp {

class ProxyRules {
 public:
  static ProxyRules FromEnvironment();
  ProxyRules(absl::string_view http_proxy, absl::string_view https_proxy, absl::string_view no_proxy);

  // The URL of the proxy for requests to `url`, empty for none. It can have a password in it.
  std::string ProxyFor(const Url& url) const;

 private:
  // An address as 16 bytes; IPv4 as ::ffff:a.b.c.d.
  struct Network {
    in6_addr address;
    int prefix;        // bits of `address` that count
    std::string port;  // empty: all
  };
  struct Domain {
    std::string suffix;  // ".example.com"
    bool itself;         // "example.com" too
    std::string port;
  };

  void AddException(absl::string_view entry);
  bool IsException(const Url& url) const;

  std::string http_proxy_;
  std::string https_proxy_;
  bool no_proxy_at_all_ = false;
  std::vector<Network> networks_;
  std::vector<Domain> domains_;
};

}  // namespace crisp
