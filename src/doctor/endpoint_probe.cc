#include "doctor/endpoint_probe.h"

#include <time.h>

#include <ctime>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/call_context.h"
#include "base/proxy_rules.h"
#include "base/url.h"
#include "images/auth_challenge.h"
#include "images/registry_answer.h"

namespace crisp {
namespace {

std::optional<int64_t> ParseTime(const std::string& text, const char* format) {
  std::tm parts{};
  if (strptime(text.c_str(), format, &parts) == nullptr) return std::nullopt;
  return timegm(&parts);
}

// The root of the API: a mirror's path goes on behind "/v2".
std::string RootOf(const std::string& path) {
  const size_t found = (path + "/").find("/v2/");
  return found == std::string::npos ? absl::StrCat(path, "/") : absl::StrCat(path.substr(0, found), "/v2/");
}

RegistryTls TlsOf(const Endpoint& endpoint, const RegistryOptions& options) {
  if (endpoint.tls.has_value()) return *endpoint.tls;
  const auto found = options.tls.find(endpoint.url.host);
  return found == options.tls.end() ? RegistryTls() : found->second;
}

HttpRequest RequestTo(const Endpoint& endpoint, const RegistryOptions& options) {
  HttpRequest request;
  request.url = endpoint.url;
  request.url.path = RootOf(endpoint.url.path);
  request.tls = TlsOf(endpoint, options);
  request.wants_certificate = endpoint.url.scheme == "https";
  for (const auto& headers : {endpoint.headers, options.headers}) {
    for (const auto& [name, value] : headers) request.headers.push_back(absl::StrCat(name, ": ", value));
  }
  return request;
}

std::string SchemesOf(const HttpResponse& response) {
  std::set<std::string> schemes;
  const auto [begin, end] = response.headers.equal_range("www-authenticate");
  for (auto header = begin; header != end; ++header) {
    for (const AuthChallenge& challenge : ParseChallenges(header->second)) schemes.insert(challenge.scheme);
  }
  return schemes.empty() ? "nothing that it names" : absl::StrJoin(schemes, ", ");
}

// 429 is a registry that has too much to do, 3xx one that is elsewhere: a pull follows.
bool Serves(int status) {
  return status == 200 || status == 401 || status == 429 || (status >= 300 && status < 400);
}

std::string Describe(const HttpResponse& response) {
  if (response.status == 401) return absl::StrCat("401, asks for ", SchemesOf(response));
  if (response.IsRedirect()) return absl::StrCat(response.status, ", leads elsewhere");
  return DescribeAnswer(response);
}

}  // namespace

EndpointAnswer ProbeEndpoint(HttpClient& client, const Endpoint& endpoint, const RegistryOptions& options,
                             const CallContext& call) {
  EndpointAnswer answer;
  const absl::StatusOr<HttpResponse> response = client.Do(RequestTo(endpoint, options), call);
  if (response.ok()) {
    answer.serves = Serves(response->status);
    answer.text = Describe(*response);
    answer.certificate = response->certificate;
    answer.date = ParseHttpDate(response->Header("date"));
  } else {
    answer.text =
        absl::IsDeadlineExceeded(response.status()) ? "no answer in time" : std::string(response.status().message());
    answer.speaks_no_tls =
        IsNotTls(response.status()) || (IsNotConnected(response.status()) && !endpoint.url.HasPort());
  }
  const std::string proxy = ProxyRules::FromEnvironment().ProxyFor(endpoint.url);
  if (!proxy.empty()) absl::StrAppend(&answer.text, " (through the proxy ", WithoutUserInfo(proxy), ")");
  return answer;
}

std::optional<int64_t> ParseCertificateTime(const std::string& text) {
  return ParseTime(text, "%b %d %H:%M:%S %Y GMT");
}

std::optional<int64_t> ParseHttpDate(const std::string& text) {
  return ParseTime(text, "%a, %d %b %Y %H:%M:%S GMT");
}

}  // namespace crisp
