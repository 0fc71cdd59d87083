#include "images/endpoints.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "images/hosts_file.h"

namespace crisp {
namespace {

std::vector<std::string> MirrorsOf(const RegistryOptions& options, const std::string& domain) {
  auto it = options.mirrors.find(domain);
  if (it == options.mirrors.end()) it = options.mirrors.find("*");
  return it == options.mirrors.end() ? std::vector<std::string>() : it->second;
}

// The registry itself. What is configured for a host on loopback goes before the leniency of RegistryItself.
std::vector<Endpoint> Itself(const RegistryOptions& options, const std::string& domain) {
  std::vector<Endpoint> endpoints = RegistryItself(domain);
  for (Endpoint& endpoint : endpoints) {
    if (options.tls.contains(endpoint.url.host)) endpoint.tls.reset();
  }
  return endpoints;
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> EndpointsFor(const RegistryOptions& options, const std::string& domain,
                                                   std::vector<std::string>* warnings) {
  const std::vector<Endpoint> itself = Itself(options, domain);
  if (!options.config_path.empty()) {
    ASSIGN_OR_RETURN(std::vector<Endpoint> configured,
                     EndpointsFromHostsFile(options.config_path, domain, itself, warnings));
    return configured.empty() ? itself : configured;
  }
  std::vector<Endpoint> endpoints;
  for (const std::string& text : MirrorsOf(options, domain)) {
    ASSIGN_OR_RETURN(Endpoint endpoint, ParseEndpoint(text, domain, ApiPath::kDefault), "mirror of ", domain);
    endpoints.push_back(std::move(endpoint));
  }
  const bool listed = std::any_of(endpoints.begin(), endpoints.end(), [](const Endpoint& e) { return !e.mirror; });
  if (!listed) endpoints.insert(endpoints.end(), itself.begin(), itself.end());
  return endpoints;
}

}  // namespace crisp
