// Endpoint: a server of a registry's images, the registry itself or a mirror.
//
// The path of an endpoint's URL is used as it is; "/v2" is the default for an empty one. Credentials are not part of
// the URL: they are configured by host (RegistryOptions::auth).
#pragma once

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
  bool fallback = false;                // used only if the endpoint before it does not speak http
  bool resolves = true;                 // may be asked for the digest of a tag
  bool serves_blobs = true;             // may be asked for content by digest
  std::optional<RegistryTls> tls = {};  // overrides what RegistryOptions::tls says for its host
  std::vector<std::pair<std::string, std::string>> headers = {};  // in addition to those of RegistryOptions
};

// The endpoint at `text`, a URL or a host, for the registry `domain`. `append_v2`: "/v2" is appended to a path that
// does not end with it. InvalidArgument if `text` is not a URL, or has a user or password in it.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text, const std::string& domain, bool append_v2);

// The registry `domain` itself. On loopback, where registries rarely have TLS, that is http, with https as fallback.
std::vector<Endpoint> RegistryItself(const std::string& domain);

// The host that serves the images of `domain`: registry-1.docker.io for docker.io.
std::string RegistryHost(const std::string& domain);

}  // namespace crisp
