#include "images/endpoint.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

Endpoint MakeEndpoint(Url url, const std::string& domain) {
  if (url.path.empty()) url.path = "/v2";
  url.query.clear();
  const bool mirror = url.host != domain && url.host != RegistryHost(domain);
  return Endpoint{.url = std::move(url), .mirror = mirror};
}

}  // namespace

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text, const std::string& domain, bool append_v2) {
  ASSIGN_OR_RETURN(Url url, ParseUrlOrHost(text));
  if (url.has_user_info) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", WithoutUserInfo(text), "\" has a user or password in it, which is not used: remove it and set ",
        "registry.configs.\"", url.host, "\".auth"));
  }
  while (absl::EndsWith(url.path, "/")) url.path.pop_back();
  if (append_v2 && !absl::EndsWith(url.path, "/v2")) url.path += "/v2";
  return MakeEndpoint(std::move(url), domain);
}

std::vector<Endpoint> RegistryItself(const std::string& domain) {
  Url url;
  url.host = RegistryHost(domain);
  url.scheme = url.IsLoopback() ? "http" : "https";
  std::vector<Endpoint> endpoints = {MakeEndpoint(url, domain)};
  if (!url.IsLoopback()) return endpoints;
  url.scheme = "https";
  endpoints.push_back(MakeEndpoint(url, domain));
  endpoints.back().fallback = true;
  return endpoints;
}

std::string RegistryHost(const std::string& domain) {
  return domain == "docker.io" ? "registry-1.docker.io" : absl::AsciiStrToLower(domain);
}

}  // namespace crisp
