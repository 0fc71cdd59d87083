#include "images/registry_auth.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/json_reader.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr size_t kTokenAnswerLimit = 1 << 20;
constexpr size_t kShortestSecret = 4;  // replacing shorter ones would garble the text

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1));
}

// Splits a header into its lexemes.
class HeaderReader {
 public:
  explicit HeaderReader(absl::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }
  void SkipSeparators() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == ',')) text_.remove_prefix(1);
  }
  std::string Token() {
    size_t end = 0;
    while (end < text_.size() && IsTokenChar(text_[end])) ++end;
    const std::string token(text_.substr(0, end));
    text_.remove_prefix(end);
    return token;
  }
  bool TakeEquals() {
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(text_);
    if (!absl::ConsumePrefix(&rest, "=")) return false;
    text_ = absl::StripLeadingAsciiWhitespace(rest);
    return true;
  }
  std::string TokenOrQuoted() {
    if (!absl::ConsumePrefix(&text_, "\"")) return Token();
    std::string value;
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\' && text_.size() > 1) text_.remove_prefix(1);
      value.push_back(text_[0]);
      text_.remove_prefix(1);
    }
    absl::ConsumePrefix(&text_, "\"");
    return value;
  }
  void Drop() { text_.remove_prefix(1); }

 private:
  absl::string_view text_;
};

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

bool Serves(const Endpoint& endpoint, const std::string& host) {
  return endpoint.url.host == host || endpoint.url.host == RegistryHost(host);
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

// The challenge to answer: a bearer token where one is asked for, else Basic if there is a user name for it.
std::optional<AuthChallenge> ChooseChallenge(const HttpResponse& refusal, bool has_username) {
  std::optional<AuthChallenge> basic;
  const auto [begin, end] = refusal.headers.equal_range("www-authenticate");
  for (auto it = begin; it != end; ++it) {
    for (AuthChallenge& challenge : ParseChallenges(it->second)) {
      if (challenge.scheme == "bearer") return std::move(challenge);
      if (challenge.scheme == "basic" && has_username) basic = std::move(challenge);
    }
  }
  return basic;
}

// Requests with equal keys get the same token: the key names the token server, the service and the scope.
std::string TokenKey(const HttpRequest& request) {
  return absl::StrCat(request.url.String(), " ", request.body);
}

}  // namespace

absl::StatusOr<Credentials> CredentialsFor(const RegistryOptions& options, const std::string& domain,
                                           const RegistryAuth& auth, const Endpoint& endpoint) {
  ASSIGN_OR_RETURN(Credentials given, Decode(auth));
  const std::string host = auth.server_address.empty() ? domain : HostOfServerAddress(auth.server_address);
  if (!given.empty() && Serves(endpoint, host)) return given;
  auto it = options.auth.find(endpoint.url.host);
  if (it == options.auth.end() && Serves(endpoint, domain)) it = options.auth.find(domain);
  if (it == options.auth.end()) return Credentials{};
  ASSIGN_OR_RETURN(Credentials configured, Decode(it->second), "configuration of ", endpoint.url.host);
  return configured;
}

std::vector<AuthChallenge> ParseChallenges(absl::string_view header) {
  std::vector<AuthChallenge> challenges;
  HeaderReader reader(header);
  for (reader.SkipSeparators(); !reader.AtEnd(); reader.SkipSeparators()) {
    const std::string name = absl::AsciiStrToLower(reader.Token());
    if (name.empty()) {
      reader.Drop();
    } else if (!reader.TakeEquals()) {
      challenges.push_back({name, {}});
    } else {
      std::string value = reader.TokenOrQuoted();
      if (!challenges.empty()) challenges.back().params.emplace(name, std::move(value));
    }
  }
  return challenges;
}

Authorizer::Authorizer(const Endpoint& endpoint, Credentials credentials, std::string scope)
    : endpoint_(endpoint), credentials_(std::move(credentials)), scope_(std::move(scope)) {
  if (!credentials_.registry_token.empty()) latest_ = absl::StrCat("Bearer ", credentials_.registry_token);
}

std::string Authorizer::Header() const {
  MutexLock lock(mutex_);
  return latest_;
}

absl::StatusOr<std::optional<std::string>> Authorizer::Answer(const HttpResponse& refusal, const std::string& sent,
                                                              const RegistryOptions& options, HttpClient& http,
                                                              const CallContext& call) {
  const std::optional<std::string> nothing;
  if (!credentials_.registry_token.empty()) return nothing;
  const std::optional<AuthChallenge> challenge = ChooseChallenge(refusal, !credentials_.username.empty());
  if (!challenge.has_value()) return nothing;
  std::string header;
  if (challenge->scheme == "bearer") {
    ASSIGN_OR_RETURN(const HttpRequest request, TokenRequest(*challenge, options));
    ASSIGN_OR_RETURN(header, BearerHeader(request, sent, http, call));
  } else {
    header = BasicHeader(credentials_);
    Remember("basic", header);
  }
  return header == sent ? nothing : std::make_optional(header);
}

// An identity token is exchanged by OAuth, a user and password are sent as Basic; without either it is anonymous.
absl::StatusOr<HttpRequest> Authorizer::TokenRequest(const AuthChallenge& challenge,
                                                     const RegistryOptions& options) const {
  const auto param = [&](const char* name) {
    const auto it = challenge.params.find(name);
    return it == challenge.params.end() ? std::string() : it->second;
  };
  HttpRequest request;
  ASSIGN_OR_RETURN(request.url, ParseUrl(param("realm")), "the realm of the token server");
  if (!credentials_.empty() && request.url.scheme == "http" && endpoint_.url.scheme == "https") {
    return absl::UnauthenticatedError("its token server wants the credentials over an unencrypted connection");
  }
  if (const auto tls = options.tls.find(request.url.host); tls != options.tls.end()) request.tls = tls->second;
  request.body_limit = kTokenAnswerLimit;
  const std::string scope = param("scope").empty() ? scope_ : param("scope");
  if (!credentials_.identity_token.empty()) {
    request.method = "POST";
    request.headers.push_back("Content-Type: application/x-www-form-urlencoded");
    request.body =
        absl::StrCat("grant_type=refresh_token&client_id=crisp&service=", PercentEncode(param("service")),
                     "&scope=", PercentEncode(scope), "&refresh_token=", PercentEncode(credentials_.identity_token));
    return request;
  }
  std::string& query = request.url.query;
  absl::StrAppend(&query, query.empty() ? "" : "&", "service=", PercentEncode(param("service")));
  for (absl::string_view one : absl::StrSplit(scope, ' ', absl::SkipEmpty())) {
    absl::StrAppend(&query, "&scope=", PercentEncode(one));
  }
  if (!credentials_.username.empty()) request.headers.push_back("Authorization: " + BasicHeader(credentials_));
  return request;
}

absl::StatusOr<std::string> Authorizer::BearerHeader(const HttpRequest& request, const std::string& sent,
                                                     HttpClient& http, const CallContext& call) {
  const std::string key = TokenKey(request);
  const auto work = [this, key, request, sent,
                     &http](const SingleFlight<std::string>::Abandoned& abandoned) -> absl::StatusOr<std::string> {
    {
      MutexLock lock(mutex_);
      // A fetch that ended after this request was sent has renewed the token already.
      if (const auto known = headers_.find(key); known != headers_.end() && known->second != sent) return known->second;
    }
    ASSIGN_OR_RETURN(const std::string token, FetchToken(request, http, CallContext(kNoDeadline, abandoned)));
    std::string header = absl::StrCat("Bearer ", token);
    Remember(key, header);
    return header;
  };
  for (;;) {
    absl::StatusOr<std::string> header = fetches_.Do(key, call, work);
    // Cancelled although this call has not ended: it joined a fetch whose last caller had just left. Start a new one.
    if (!absl::IsCancelled(header.status()) || !call.Check().ok()) return header;
  }
}

absl::StatusOr<std::string> Authorizer::FetchToken(const HttpRequest& request, HttpClient& http,
                                                   const CallContext& call) const {
  const std::string who = absl::StrCat("token server ", request.url.Printable());
  ASSIGN_OR_RETURN(const HttpResponse response, http.Do(request, call), who);
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
  for (const std::string& secret : secrets) {
    if (secret.size() >= kShortestSecret) text = absl::StrReplaceAll(text, {{secret, "***"}});
  }
  return text;
}

}  // namespace crisp
