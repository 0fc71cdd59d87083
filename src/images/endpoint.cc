#include "images/endpoint.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

Endpoint MakeEndpoint(Url url, const std::string& domain) {
  url.query.clear();
  const bool mirror = url.host != domain && url.host != RegistryHost(domain);
  return Endpoint{.url = std::move(url), .mirror = mirror};
}

}  // namespace

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text, const std::string& domain, ApiPath path) {
  ASSIGN_OR_RETURN(Url url, ParseUrlOrHost(text));
  if (url.has_user_info) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", WithoutUserInfo(text), "\" has a user or password in it, which is not used: remove it and set ",
        "registry.configs.\"", url.host, "\".auth"));
  }
  while (absl::EndsWith(url.path, "/")) url.path.pop_back();
  if (path == ApiPath::kDefault && url.path.empty()) url.path = "/v2";
  if (path == ApiPath::kAppend && !absl::EndsWith(url.path, "/v2")) url.path += "/v2";
  return MakeEndpoint(std::move(url), domain);
}

std::vector<Endpoint> RegistryItself(const std::string& domain) {
  Url url;
  url.host = RegistryHost(domain);
  url.path = "/v2";
  url.scheme = url.IsLoopback() && url.HasPort() && url.Port() == "80" ? "http" : "https";
  Endpoint endpoint = MakeEndpoint(url, domain);
  if (!url.IsLoopback() || url.scheme == "http") return {endpoint};
  endpoint.tls = RegistryTls{.insecure_skip_verify = true};
  if (url.HasPort() && url.Port() == "443") return {endpoint};
  return TlsFirst(std::move(endpoint));
}

std::vector<Endpoint> TlsFirst(Endpoint endpoint) {
  endpoint.url.scheme = "https";
  Endpoint plain = endpoint;
  plain.url.scheme = "http";
  plain.fallback = true;
  endpoint.has_fallback = true;
  return {std::move(endpoint), std::move(plain)};
}

std::string RegistryHost(const std::string& domain) {
  return domain == "docker.io" ? "registry-1.docker.io" : absl::AsciiStrToLower(domain);
}

}  // namespace crisp
