// Endpoints: where the images of a registry are asked for, by the rules of containerd 1.6's `registry.mirrors`:
// - the mirrors of that host, or else those of "*", in order; the registry itself last, unless it is among them;
// - an endpoint's path is used as it is, and "/v2" is put only where there is none;
// - an endpoint without a scheme is https, on loopback http;
// - a mirror is told which registry it stands in for, by "?ns=<host>".
// A registry on loopback that nothing is configured for is asked by http (as containerd 1.6 does), and, where nothing
// there speaks http, by https.
//
// With a `config_path`, a registry that has a directory there is as hosts_file.h says instead.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "images/images.h"
#include "images/url.h"

namespace crisp {

struct Endpoint {
  Url url;                              // with its path, "https://registry-1.docker.io/v2"
  bool mirror = false;                  // stands in for another registry
  bool fallback = false;                // only asked where the endpoint before it does not speak http
  bool resolves = true;                 // may be asked what a tag is
  bool serves_blobs = true;             // may be asked for what has a digest
  std::optional<RegistryTls> tls = {};  // in place of what RegistryOptions::tls says for its host
  std::vector<std::pair<std::string, std::string>> headers = {};  // besides those of RegistryOptions
};

// InvalidArgument for an endpoint in the configuration that is no URL.
absl::StatusOr<std::vector<Endpoint>> EndpointsFor(const RegistryOptions& options, const std::string& domain);

// The endpoint at `text`, a URL or a host. `append_v2`: "/v2" goes behind its path, also where it has one.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text, const std::string& domain, bool append_v2);

// The host that serves the images of `domain`: docker.io's are at registry-1.docker.io.
std::string RegistryHost(const std::string& domain);

}  // namespace crisp
