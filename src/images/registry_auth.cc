#include "images/registry_auth.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "images/endpoint.h"

namespace crisp {
namespace {

constexpr size_t kTokenAnswerLimit = 1 << 20;
constexpr int kRedirectsLimit = 10;
constexpr size_t kShortestSecret = 4;  // replacing shorter ones would garble the text

std::string BasicHeader(const Credentials& credentials) {
  return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(credentials.username, ":", credentials.password)));
}

absl::StatusOr<Credentials> Decode(const RegistryAuth& auth) {
  Credentials credentials{auth.username, auth.password, auth.identity_token, auth.registry_token};
  for (const char c : credentials.registry_token) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("the registry token has characters that no header may have");
    }
  }
  if (auth.auth.empty() || !credentials.username.empty()) return credentials;
  std::string decoded;
  const bool is_base64 = absl::Base64Unescape(auth.auth, &decoded);
  const size_t colon = decoded.find(':');
  if (!is_base64 || colon == std::string::npos) {
    return absl::InvalidArgumentError("the registry credentials' \"auth\" is not base64 of \"user:password\"");
  }
  credentials.username = decoded.substr(0, colon);
  credentials.password = decoded.substr(colon + 1);
  // Old configuration files of Docker pad the password with NULs.
  while (absl::EndsWith(credentials.password, absl::string_view("\0", 1))) credentials.password.pop_back();
  return credentials;
}

// The registry of a RegistryAuth::server_address, a URL or a host. "https://index.docker.io/v1/" is what Docker's
// configuration calls docker.io. Empty, which no endpoint serves, if it is neither.
std::string HostOfServerAddress(absl::string_view address) {
  const absl::StatusOr<Url> url = ParseUrlOrHost(address);
  if (!url.ok()) return "";
  return url->host == "index.docker.io" ? "docker.io" : url->host;
}

// Whether `host` serves the images of `domain`.
bool Serves(const std::string& host, const std::string& domain) {
  return host == domain || host == RegistryHost(domain);
}

absl::StatusOr<std::string> TokenIn(const HttpResponse& response) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(response.body));
  ASSIGN_OR_RETURN(std::string token, document.root().String("token"));
  if (token.empty()) {
    ASSIGN_OR_RETURN(token, document.root().String("access_token"));
  }
  if (token.empty()) return absl::InternalError("no token in the answer");
  for (const char c : token) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::InternalError("the token has characters that no header may have");
    }
  }
  return token;
}

// The challenges that can be answered, in the order in which they are: bearer tokens, then Basic if there is a user
// name for it.
std::vector<AuthChallenge> Answerable(const HttpResponse& refusal, bool has_username) {
  std::vector<AuthChallenge> bearer, basic;
  const auto [begin, end] = refusal.headers.equal_range("www-authenticate");
  for (auto it = begin; it != end; ++it) {
    for (AuthChallenge& challenge : ParseChallenges(it->second)) {
      if (challenge.scheme == "bearer") bearer.push_back(std::move(challenge));
      if (challenge.scheme == "basic" && has_username) basic.push_back(std::move(challenge));
    }
  }
  bearer.insert(bearer.end(), basic.begin(), basic.end());
  return bearer;
}

std::string Param(const AuthChallenge& challenge, const char* name) {
  const auto it = challenge.params.find(name);
  return it == challenge.params.end() ? std::string() : it->second;
}

// The form of the OAuth token flow for an identity token.
std::string RefreshForm(const std::string& service, const std::string& scope, const std::string& identity_token) {
  return absl::StrCat("grant_type=refresh_token&client_id=crisp",
                      service.empty() ? "" : absl::StrCat("&service=", PercentEncode(service)),
                      "&scope=", PercentEncode(scope), "&refresh_token=", PercentEncode(identity_token));
}

// The query of the token flow behind the query that the realm has.
std::string TokenQuery(std::string query, const std::string& service, const std::string& scope) {
  const auto add = [&](absl::string_view name, absl::string_view value) {
    absl::StrAppend(&query, query.empty() ? "" : "&", name, "=", PercentEncode(value));
  };
  if (!service.empty()) add("service", service);
  for (absl::string_view one : absl::StrSplit(scope, ' ', absl::SkipEmpty())) add("scope", one);
  return query;
}

// Requests with equal keys get the same token: the key names the token server, the service and the scope.
std::string TokenKey(const HttpRequest& request) {
  return absl::StrCat(request.url.String(), " ", request.body);
}

}  // namespace

absl::StatusOr<Credentials> CredentialsFor(const RegistryOptions& options, const std::string& domain,
                                           const RegistryAuth& auth, const std::string& host, bool mirror) {
  ASSIGN_OR_RETURN(Credentials given, Decode(auth));
  const std::string owner = auth.server_address.empty() ? domain : HostOfServerAddress(auth.server_address);
  if (!given.empty() && Serves(host, owner)) return given;
  auto it = options.auth.find(host);
  if (it == options.auth.end() && Serves(host, domain)) it = options.auth.find(domain);
  if (it == options.auth.end()) {
    return mirror && options.credentials_for_mirrors && auth.server_address.empty() ? given : Credentials{};
  }
  ASSIGN_OR_RETURN(Credentials configured, Decode(it->second), "configuration of ", host);
  return configured;
}

std::vector<std::string> HeaderLines(const ConfiguredHeaders& headers, const std::string& authorization) {
  std::vector<std::string> lines;
  if (!authorization.empty()) lines.push_back(absl::StrCat("Authorization: ", authorization));
  for (const auto& [name, value] : headers) {
    const std::string key = absl::AsciiStrToLower(name);
    const bool of_the_connection =
        key == "host" || key == "content-length" || key == "transfer-encoding" || key == "trailer";
    if (of_the_connection || (key == "authorization" && !authorization.empty())) continue;
    lines.push_back(absl::StrCat(name, ": ", value));
  }
  return lines;
}

Authorizer::Authorizer(Credentials credentials, std::string scope, ConfiguredHeaders headers, TlsFor tls_for,
                       HttpClient* http)
    : credentials_(std::move(credentials)),
      scope_(std::move(scope)),
      configured_headers_(std::move(headers)),
      tls_for_(std::move(tls_for)),
      http_(http) {
  if (!credentials_.registry_token.empty()) latest_ = absl::StrCat("Bearer ", credentials_.registry_token);
}

std::string Authorizer::Header() const {
  MutexLock lock(mutex_);
  return latest_;
}

absl::StatusOr<std::optional<std::string>> Authorizer::Answer(const Refusal& refusal, Answered* answered,
                                                              const CallContext& call) {
  const std::optional<std::string> nothing;
  if (!credentials_.registry_token.empty()) return nothing;
  absl::Status failed;
  for (const AuthChallenge& challenge : Answerable(refusal.response, !credentials_.username.empty())) {
    absl::StatusOr<std::optional<std::string>> answer = AnswerOne(challenge, refusal, answered, call);
    RETURN_IF_ERROR(call.Check());
    if (answer.ok() && answer->has_value()) return answer;
    if (failed.ok()) failed = answer.status();
  }
  if (!failed.ok()) return failed;
  return nothing;
}

absl::StatusOr<std::optional<std::string>> Authorizer::AnswerOne(const AuthChallenge& challenge, const Refusal& refusal,
                                                                 Answered* answered, const CallContext& call) {
  const std::optional<std::string> nothing;
  std::string key = "basic";
  Token token{BasicHeader(credentials_), true};
  if (challenge.scheme == "bearer") {
    ASSIGN_OR_RETURN(const HttpRequest request, TokenRequest(challenge, refusal));
    key = TokenKey(request);
    if (answered->contains(key)) return nothing;
    ASSIGN_OR_RETURN(token, BearerHeader(request, refusal.sent, call));
  }
  if (answered->contains(key)) return nothing;
  if (challenge.scheme == "basic") Remember(key, token.header);
  if (token.fresh) answered->insert(key);
  return token.header == refusal.sent ? nothing : std::make_optional(token.header);
}

// An identity token is exchanged by OAuth, a user and password are sent as Basic; without either it is anonymous.
absl::StatusOr<HttpRequest> Authorizer::TokenRequest(const AuthChallenge& challenge, const Refusal& refusal) const {
  const std::string realm = Param(challenge, "realm");
  if (realm.empty()) return absl::UnauthenticatedError("its challenge names no token server (\"realm\")");
  HttpRequest request;
  ASSIGN_OR_RETURN(request.url, ResolveUrl(refusal.url, realm), "the realm of the token server");
  const bool exposed = request.url.scheme == "http" && refusal.url.scheme == "https";
  if (exposed && !credentials_.empty()) {
    return absl::UnauthenticatedError("its token server wants the credentials over an unencrypted connection");
  }
  request.body_limit = kTokenAnswerLimit;
  const std::string scope = Param(challenge, "scope").empty() ? scope_ : Param(challenge, "scope");
  const bool refreshes = !credentials_.identity_token.empty();
  const std::string basic = refreshes || credentials_.username.empty() ? "" : BasicHeader(credentials_);
  if (!exposed) request.headers = HeaderLines(configured_headers_, basic);
  if (!refreshes) {
    request.url.query = TokenQuery(std::move(request.url.query), Param(challenge, "service"), scope);
    return request;
  }
  request.method = "POST";
  request.headers.push_back("Content-Type: application/x-www-form-urlencoded");
  request.body = RefreshForm(Param(challenge, "service"), scope, credentials_.identity_token);
  return request;
}

absl::StatusOr<Authorizer::Token> Authorizer::BearerHeader(const HttpRequest& request, const std::string& sent,
                                                           const CallContext& call) {
  const std::string key = TokenKey(request);
  const auto work = [this, key, request,
                     sent](const SingleFlight<Token>::Abandoned& abandoned) -> absl::StatusOr<Token> {
    {
      MutexLock lock(mutex_);
      // A fetch that ended after this request was sent has renewed the token already.
      if (const auto known = headers_.find(key); known != headers_.end() && known->second != sent) {
        latest_ = known->second;
        return Token{known->second, false};
      }
    }
    ASSIGN_OR_RETURN(const std::string token, FetchToken(request, CallContext(kNoDeadline, abandoned)));
    std::string header = absl::StrCat("Bearer ", token);
    Remember(key, header);
    return Token{std::move(header), true};
  };
  for (;;) {
    absl::StatusOr<Token> token = fetches_.Do(key, call, work);
    // Cancelled although this call has not ended: it joined a fetch whose last caller had just left. Start a new one.
    if (!absl::IsCancelled(token.status()) || !call.Check().ok()) return token;
  }
}

// Follows redirects as Go's http.Client does, but that neither credentials nor configured headers go to another host or
// from https to http.
absl::StatusOr<HttpResponse> Authorizer::AskTokenServer(HttpRequest request, const CallContext& call) const {
  for (int hop = 0; hop <= kRedirectsLimit; ++hop) {
    request.tls = tls_for_(request.url.host);
    ASSIGN_OR_RETURN(HttpResponse response, http_->Do(request, call));
    if (!response.IsRedirect()) return response;
    ASSIGN_OR_RETURN(Url next, ResolveUrl(request.url, response.Header("location")), "redirect");
    const bool keeps_method = response.status == 307 || response.status == 308;
    const bool trusted = SameHost(request.url, next) && !(request.url.scheme == "https" && next.scheme == "http");
    if (!trusted && keeps_method && !request.body.empty()) {
      return absl::UnauthenticatedError(
          absl::StrCat("it redirects to ", next.Printable(), ", which credentials are not sent to"));
    }
    if (!keeps_method) {
      request.method = "GET";
      request.body.clear();
    }
    if (!trusted) request.headers.clear();
    request.url = std::move(next);
  }
  return absl::UnauthenticatedError(absl::StrCat("more than ", kRedirectsLimit, " redirects"));
}

absl::StatusOr<std::string> Authorizer::FetchToken(const HttpRequest& request, const CallContext& call) const {
  const std::string who = absl::StrCat("token server ", request.url.Printable());
  ASSIGN_OR_RETURN(const HttpResponse response, AskTokenServer(request, call), who);
  if (response.status == 401 || response.status == 403) {
    return absl::UnauthenticatedError(
        absl::StrCat(who, " answered ", response.status, credentials_.empty() ? " (no credentials were given)" : ""));
  }
  if (response.status == 429 || response.status >= 500) {
    return absl::UnavailableError(absl::StrCat(who, " answered ", response.status));
  }
  if (response.status != 200) return absl::UnauthenticatedError(absl::StrCat(who, " answered ", response.status));
  ASSIGN_OR_RETURN(std::string token, TokenIn(response), who);
  return token;
}

void Authorizer::Remember(const std::string& token_key, const std::string& header) {
  MutexLock lock(mutex_);
  headers_[token_key] = header;
  latest_ = header;
}

std::string Authorizer::Redact(std::string text) const {
  std::vector<std::string> secrets = {credentials_.password, credentials_.identity_token, credentials_.registry_token};
  {
    MutexLock lock(mutex_);
    for (const auto& [key, header] : headers_) secrets.push_back(header.substr(header.find(' ') + 1));
  }
  for (const auto& [name, value] : configured_headers_) {
    if (absl::EqualsIgnoreCase(name, "authorization")) secrets.push_back(value.substr(value.find(' ') + 1));
  }
  for (const std::string& secret : secrets) {
    if (secret.size() >= kShortestSecret) text = absl::StrReplaceAll(text, {{secret, "***"}});
  }
  return text;
}

}  // namespace crisp
