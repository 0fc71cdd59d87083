// URLs of registries, split by libcurl, so that what is compared is what is connected to.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case, with ":port" where the URL had one
  std::string path;    // "" or "/…"; percent-encoded as it was
  std::string query;   // without "?"

  std::string String() const;
  // Scheme, host and port: what credentials are bound to. "https://a" and "https://a:443" are the same.
  std::string Origin() const;
  // For errors and logs: without the query, which in signed links is a secret.
  std::string Printable() const;
  bool IsLoopback() const;
};

// An absolute http or https URL. A user name, a password and a fragment in it are dropped.
absl::StatusOr<Url> ParseUrl(absl::string_view text);
// `location`, absolute or relative, as seen from `base` (RFC 3986, section 5).
absl::StatusOr<Url> ResolveUrl(const Url& base, absl::string_view location);

// For one value in a query or a form.
std::string PercentEncode(absl::string_view text);

// True for "localhost" and addresses of the loopback interface, with or without a port.
bool IsLoopbackHost(absl::string_view host);

}  // namespace crisp
