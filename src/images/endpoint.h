// Endpoint: a server of a registry's images, the registry itself or a mirror.
//
// Credentials are not part of the URL: they are configured by host (RegistryOptions::auth).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/url.h"
#include "images/registry_options.h"

namespace crisp {

struct Endpoint {
  Url url;                              // with its path: "https://registry-1.docker.io/v2"
  bool mirror = false;                  // stands in for another registry, which "?ns=<host>" names
  bool has_fallback = false;            // the endpoint behind it is for a server that does not speak TLS
  bool fallback = false;                // by http; used only if the endpoint before it does not speak TLS
  bool resolves = true;                 // may be asked for the digest of a tag
  bool serves_blobs = true;             // may be asked for content by digest
  std::optional<RegistryTls> tls = {};  // overrides what RegistryOptions::tls says for its host
  std::optional<std::chrono::milliseconds> connect_timeout = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // in addition to those of RegistryOptions
};

// What becomes of the path of an endpoint's URL.
enum class ApiPath {
  kDefault,  // used as it is; "/v2" if it is empty
  kAppend,   // "/v2" is appended to a path that does not end with it
  kAsItIs,
};

// The endpoint at `text`, a URL or a host, for the registry `domain`. InvalidArgument if `text` is not a URL, or has a
// user or password in it.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text, const std::string& domain, ApiPath path);

// The registry `domain` itself: by https. On loopback, where certificates are self-signed, any certificate will do, and
// http is the fallback; port 443 has https only, port 80 has http only.
std::vector<Endpoint> RegistryItself(const std::string& domain);

// `endpoint` as the two that are tried: https first, http as the fallback. For an http URL with options for TLS.
std::vector<Endpoint> TlsFirst(Endpoint endpoint);

// The host that serves the images of `domain`: registry-1.docker.io for docker.io.
std::string RegistryHost(const std::string& domain);

}  // namespace crisp
