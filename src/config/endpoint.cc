#include "config/endpoint.h"

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace crisp {

bool HasApiRoot(const Url& url) {
  absl::string_view path = url.path;
  while (absl::EndsWith(path, "/")) path.remove_suffix(1);
  return path.empty() || path == "/v2" || absl::StartsWith(path, "/v2/") || absl::EndsWith(path, "/v2") ||
         absl::StrContains(path, "/v2/");
}

std::string WithApiRoot(const std::string& endpoint) {
  const absl::StatusOr<Url> url = ParseUrl(endpoint);
  if (!url.ok() || HasApiRoot(*url)) return endpoint;
  const size_t host = endpoint.find("://") + 3;
  return std::string(endpoint).insert(endpoint.find('/', host), "/v2");
}

}  // namespace crisp
