// Url: http and https URLs, of registries, mirrors and token servers. Split by libcurl, which also connects to them, so
// that the host that is compared is the host that is connected to.
//
// Plain values and functions, thread-safe. Errors are InvalidArgument and show the URL without user, password and
// query.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

struct Url {
  std::string scheme;          // "http" or "https"
  std::string host;            // lower case, with ":port" if the URL has one
  std::string path;            // "" or "/…"; percent-encoded as it was
  std::string query;           // without "?"
  bool has_user_info = false;  // the URL had a user or a password, which are not kept

  std::string String() const;
  // Scheme, host and port, which credentials are bound to. "https://a" and "https://a:443" have the same origin.
  std::string Origin() const;
  // For errors and logs: without the query, which is a secret in signed links.
  std::string Printable() const;
  bool IsLoopback() const;
  // The host without port and without the brackets of an IPv6 address.
  std::string HostName() const;
  // The port, or the default port of the scheme.
  std::string Port() const;
  bool HasPort() const;
};

// An absolute http or https URL. Its fragment is dropped.
absl::StatusOr<Url> ParseUrl(absl::string_view text);
// Likewise, or "host[:port][/path]" without a scheme: that is https, or http for a host on loopback.
absl::StatusOr<Url> ParseUrlOrHost(absl::string_view text);
// `location`, absolute or relative to `base` (RFC 3986, section 5). Spaces and bytes that are not ASCII, which servers
// send although a URL cannot have them, are percent-encoded.
absl::StatusOr<Url> ResolveUrl(const Url& base, absl::string_view location);

// True if both have the same host and port. The default ports of http and https count as the same port, so that a
// redirect from http to https stays on its host.
bool SameHost(const Url& a, const Url& b);

// `text`, encoded as one value of a query or a form.
std::string PercentEncode(absl::string_view text);
// "%2C" as ",". What is not two hexadecimal digits behind a "%" stays.
std::string PercentDecode(absl::string_view text);

// True for "localhost" and addresses of the loopback interface, with or without a port.
bool IsLoopbackHost(absl::string_view host);

// "https://user:password@host/path" as "https://***@host/path". For showing text that may not be a valid URL.
std::string WithoutUserInfo(absl::string_view text);

}  // namespace crisp
