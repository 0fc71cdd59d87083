#include "images/registry_site.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr int kRedirectsLimit = 10;
// Challenges of one URL that are answered. A registry that refuses everything would go on for ever.
constexpr int kAnswersLimit = 5;

HttpTimes TimesFor(const Endpoint& endpoint, HttpTimes times) {
  times.connect = endpoint.connect_timeout.value_or(times.connect);
  return times;
}

}  // namespace

RegistrySite::RegistrySite(const Endpoint& endpoint, const RegistryOptions& options, const Reference& reference,
                           const RegistryAuth& auth, HttpTimes times, TlsStore* tls, ImageCounters* counters)
    : endpoint_(endpoint),
      options_(options),
      reference_(reference),
      auth_(auth),
      http_(TimesFor(endpoint, times), tls, counters) {}

absl::StatusOr<std::unique_ptr<RegistrySite>> RegistrySite::Create(const Endpoint& endpoint,
                                                                   const RegistryOptions& options,
                                                                   const Reference& reference, const RegistryAuth& auth,
                                                                   HttpTimes times, TlsStore* tls,
                                                                   ImageCounters* counters) {
  std::unique_ptr<RegistrySite> site(new RegistrySite(endpoint, options, reference, auth, times, tls, counters));
  RETURN_IF_ERROR(site->AuthorizerFor(endpoint.url, false));
  return site;
}

RegistryTls RegistrySite::TlsFor(const std::string& host) const {
  const bool own = host == endpoint_.url.host;
  if (own && endpoint_.tls.has_value()) return *endpoint_.tls;
  for (const std::string& name : {host, endpoint_.url.host}) {
    if (const auto it = options_.tls.find(name); it != options_.tls.end()) return it->second;
  }
  return endpoint_.tls.value_or(RegistryTls());
}

ConfiguredHeaders RegistrySite::OwnHeaders() const {
  ConfiguredHeaders headers = endpoint_.headers;
  headers.insert(headers.end(), options_.headers.begin(), options_.headers.end());
  return headers;
}

// The endpoint's host, and not by http where the endpoint itself is https.
bool RegistrySite::IsOwn(const Url& url) const {
  return SameHost(url, endpoint_.url) && (url.scheme == "https" || endpoint_.url.scheme == "http");
}

absl::StatusOr<Authorizer*> RegistrySite::AuthorizerFor(const Url& url, bool redirected) {
  const std::string key = redirected ? url.Origin() : "";
  MutexLock lock(mutex_);
  std::unique_ptr<Authorizer>& authorizer = authorizers_[key];
  if (authorizer != nullptr) return authorizer.get();
  Credentials credentials;
  // Unencrypted only to an endpoint that is configured so.
  if (url.scheme == "https" || IsOwn(url)) {
    const bool mirror = !redirected && endpoint_.mirror;
    ASSIGN_OR_RETURN(credentials, CredentialsFor(options_, reference_.domain, auth_, url.host, mirror));
  }
  authorizer = NewAuthorizer(std::move(credentials), IsOwn(url) ? OwnHeaders() : ConfiguredHeaders());
  return authorizer.get();
}

std::unique_ptr<Authorizer> RegistrySite::NewAuthorizer(Credentials credentials, ConfiguredHeaders headers) {
  return std::make_unique<Authorizer>(
      std::move(credentials), absl::StrCat("repository:", reference_.path, ":pull"), std::move(headers),
      [this](const std::string& host) { return TlsFor(host); }, &http_);
}

void RegistrySite::NoteFailure(const absl::Status& status) {
  if (!endpoint_.has_fallback) return;
  // Without a port, http is at another one.
  if (IsNotTls(status) || (IsNotConnected(status) && !endpoint_.url.HasPort())) speaks_no_tls_ = true;
}

absl::StatusOr<HttpResponse> RegistrySite::AskOne(HttpRequest& request, const std::vector<std::string>& headers,
                                                  bool redirected, const CallContext& call) {
  ASSIGN_OR_RETURN(Authorizer* const authorizer, AuthorizerFor(request.url, redirected));
  std::string authorization = authorizer->Header();
  if (redirected && authorization.empty() && IsOwn(request.url)) {
    ASSIGN_OR_RETURN(const Authorizer* const own, AuthorizerFor(endpoint_.url, false));
    authorization = own->Header();
  }
  request.tls = TlsFor(request.url.host);
  Authorizer::Answered answered;
  for (int answers = 0;; ++answers) {
    request.headers = HeaderLines(IsOwn(request.url) ? OwnHeaders() : ConfiguredHeaders(), authorization);
    request.headers.insert(request.headers.end(), headers.begin(), headers.end());
    absl::StatusOr<HttpResponse> asked = http_.Do(request, call);
    if (!redirected) NoteFailure(asked.status());
    ASSIGN_OR_RETURN(HttpResponse response, std::move(asked));
    if (response.status != 401 || answers == kAnswersLimit) return response;
    absl::StatusOr<std::optional<std::string>> answer =
        authorizer->Answer({request.url, response, authorization}, &answered, call);
    RETURN_IF_ERROR(answer);
    if (!answer->has_value()) return response;
    authorization = **std::move(answer);
  }
}

absl::StatusOr<HttpResponse> RegistrySite::Send(const SiteRequest& what, const CallContext& call) {
  HttpRequest request;
  request.method = what.method;
  request.body_limit = what.body_limit;
  request.answer = what.answer;
  request.begin = [&](const HttpResponse& response) {
    const bool streams = response.status == 200 || response.status == 206;
    return what.begin && streams ? what.begin(response) : absl::OkStatus();
  };
  request.sink = what.sink;
  request.url = endpoint_.url;
  absl::StrAppend(&request.url.path, "/", reference_.path, what.path);
  if (endpoint_.mirror) request.url.query = absl::StrCat("ns=", PercentEncode(reference_.domain));
  for (int hop = 0; hop <= kRedirectsLimit; ++hop) {
    absl::StatusOr<HttpResponse> response = AskOne(request, what.headers, hop > 0, call);
    RETURN_IF_ERROR(response, hop == 0 ? "" : absl::StrCat("redirected to ", request.url.Printable()));
    if (!response->IsRedirect()) return response;
    ASSIGN_OR_RETURN(Url next, ResolveUrl(request.url, response->Header("location")), "redirect");
    if (request.url.scheme == "https" && next.scheme == "http" && !what.by_digest) {
      return absl::InternalError(absl::StrCat("redirected from https to ", next.Printable(),
                                              ", which is followed only for what has a digest"));
    }
    request.url = std::move(next);
  }
  return absl::InternalError(absl::StrCat("more than ", kRedirectsLimit, " redirects"));
}

std::string RegistrySite::Redact(std::string text) const {
  MutexLock lock(mutex_);
  for (const auto& [origin, authorizer] : authorizers_) {
    if (authorizer != nullptr) text = authorizer->Redact(std::move(text));
  }
  return text;
}

}  // namespace crisp
