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
constexpr size_t kShortestSecret = 4;  // redacting shorter ones would only garble the text

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1));
}

// Takes the header apart, one lexeme at a time.
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
  // Docker's old configuration files end it with NULs.
  while (absl::EndsWith(credentials.password, absl::string_view("\0", 1))) credentials.password.pop_back();
  return credentials;
}

// "https://index.docker.io/v1/" as "docker.io", the way in which Docker's configuration calls it.
std::string HostOfServerAddress(absl::string_view address) {
  if (const size_t scheme = address.find("://"); scheme != absl::string_view::npos) address.remove_prefix(scheme + 3);
  const std::string host = absl::AsciiStrToLower(address.substr(0, address.find('/')));
  return host == "index.docker.io" ? "docker.io" : host;
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
  if (!credentials_.registry_token.empty()) header_ = absl::StrCat("Bearer ", credentials_.registry_token);
}

std::string Authorizer::Header() const {
  MutexLock lock(mutex_);
  return header_;
}

absl::StatusOr<bool> Authorizer::Answer(const HttpResponse& refusal, const std::string& sent,
                                        const RegistryOptions& options, HttpClient& http, const Call& call) {
  MutexLock refresh_lock(refresh_);
  if (Header() != sent) return true;  // another request has got a new one meanwhile
  if (!credentials_.registry_token.empty()) return false;
  std::vector<AuthChallenge> challenges;
  const auto [begin, end] = refusal.headers.equal_range("www-authenticate");
  for (auto it = begin; it != end; ++it) {
    for (AuthChallenge& challenge : ParseChallenges(it->second)) challenges.push_back(std::move(challenge));
  }
  std::string header;
  for (const AuthChallenge& challenge : challenges) {
    if (challenge.scheme == "bearer") {
      ASSIGN_OR_RETURN(const std::string token, FetchToken(challenge, options, http, call));
      header = absl::StrCat("Bearer ", token);
      break;
    }
    if (challenge.scheme == "basic" && !credentials_.username.empty()) header = BasicHeader(credentials_);
  }
  if (header.empty() || header == sent) return false;
  MutexLock lock(mutex_);
  header_ = header;
  return true;
}

// With an identity token: OAuth's refresh. With a password: Basic. Else: anonymous.
absl::StatusOr<HttpRequest> Authorizer::TokenRequest(const AuthChallenge& challenge) const {
  const auto param = [&](const char* name) {
    const auto it = challenge.params.find(name);
    return it == challenge.params.end() ? std::string() : it->second;
  };
  HttpRequest request;
  ASSIGN_OR_RETURN(request.url, ParseUrl(param("realm")), "the realm of the token server");
  if (!credentials_.empty() && request.url.scheme == "http" && endpoint_.url.scheme == "https") {
    return absl::UnauthenticatedError("its token server wants the credentials over an unencrypted connection");
  }
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

absl::StatusOr<std::string> Authorizer::FetchToken(const AuthChallenge& challenge, const RegistryOptions& options,
                                                   HttpClient& http, const Call& call) {
  ASSIGN_OR_RETURN(HttpRequest request, TokenRequest(challenge));
  if (const auto tls = options.tls.find(request.url.host); tls != options.tls.end()) request.tls = tls->second;
  const std::string who = absl::StrCat("token server ", request.url.Printable());
  ASSIGN_OR_RETURN(HttpResponse response, http.Do(request, call), who);
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

std::string Authorizer::Redact(std::string text) const {
  std::vector<std::string> secrets = {credentials_.password, credentials_.identity_token, credentials_.registry_token};
  const std::string header = Header();
  if (const size_t space = header.find(' '); space != std::string::npos) secrets.push_back(header.substr(space + 1));
  for (const std::string& secret : secrets) {
    if (secret.size() >= kShortestSecret) text = absl::StrReplaceAll(text, {{secret, "***"}});
  }
  return text;
}

}  // namespace crisp
