#include "images/endpoints.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/hosts_file.h"

namespace crisp {
namespace {

absl::StatusOr<Url> EndpointUrl(const std::string& text) {
  if (absl::StrContains(text, "://")) return ParseUrl(text);
  return ParseUrl(absl::StrCat(IsLoopbackHost(text.substr(0, text.find('/'))) ? "http://" : "https://", text));
}

Endpoint MakeEndpoint(Url url, const std::string& domain) {
  while (absl::EndsWith(url.path, "/")) url.path.pop_back();
  if (url.path.empty()) url.path = "/v2";
  url.query.clear();
  const bool mirror = url.host != domain && url.host != RegistryHost(domain);
  return Endpoint{.url = std::move(url), .mirror = mirror};
}

void AddRegistryItself(const std::string& domain, std::vector<Endpoint>* endpoints) {
  Url url;
  url.host = RegistryHost(domain);
  url.scheme = url.IsLoopback() ? "http" : "https";
  endpoints->push_back(MakeEndpoint(url, domain));
  if (!url.IsLoopback()) return;
  url.scheme = "https";
  endpoints->push_back(MakeEndpoint(url, domain));
  endpoints->back().fallback = true;
}

const std::vector<std::string>& MirrorsOf(const RegistryOptions& options, const std::string& domain) {
  static const std::vector<std::string>* const kNone = new std::vector<std::string>;
  auto it = options.mirrors.find(domain);
  if (it == options.mirrors.end()) it = options.mirrors.find("*");
  return it == options.mirrors.end() ? *kNone : it->second;
}

}  // namespace

std::string RegistryHost(const std::string& domain) {
  return domain == "docker.io" ? "registry-1.docker.io" : absl::AsciiStrToLower(domain);
}

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text, const std::string& domain, bool append_v2) {
  ASSIGN_OR_RETURN(Url url, EndpointUrl(text));
  while (absl::EndsWith(url.path, "/")) url.path.pop_back();
  if (append_v2 && !absl::EndsWith(url.path, "/v2")) url.path += "/v2";
  return MakeEndpoint(std::move(url), domain);
}

absl::StatusOr<std::vector<Endpoint>> EndpointsFor(const RegistryOptions& options, const std::string& domain) {
  std::vector<Endpoint> endpoints;
  if (!options.config_path.empty()) {
    AddRegistryItself(domain, &endpoints);
    ASSIGN_OR_RETURN(std::vector<Endpoint> configured, EndpointsFromHostsFile(options.config_path, domain, endpoints));
    return configured.empty() ? endpoints : configured;
  }
  for (const std::string& text : MirrorsOf(options, domain)) {
    ASSIGN_OR_RETURN(Url url, EndpointUrl(text), "mirror of ", domain);
    endpoints.push_back(MakeEndpoint(std::move(url), domain));
  }
  const bool listed = std::any_of(endpoints.begin(), endpoints.end(), [](const Endpoint& e) { return !e.mirror; });
  if (!listed) AddRegistryItself(domain, &endpoints);
  return endpoints;
}

}  // namespace crisp
