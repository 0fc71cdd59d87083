// Credentials of a pull and the ways to present them: the token flow of the distribution project (docs/spec/auth/token
// and oauth), HTTP Basic, or a given bearer token.
//
// Credentials belong to one host. They are sent to the endpoints of that host and to the token server that it names,
// and nowhere else: a redirect to another host is followed without them. They are sent unencrypted only if the endpoint
// itself is unencrypted. No error has a secret in it.
//
// containerd shows the credentials of a pull to every mirror that asks. crisp does so only with
// RegistryOptions::credentials_for_mirrors; without, a mirror gets those that are configured for it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/single_flight.h"
#include "images/auth_challenge.h"
#include "images/http.h"
#include "images/registry_options.h"

namespace crisp {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string registry_token;

  bool empty() const {
    return username.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
};

// The credentials for `host`, with its port, in a pull from `domain` with `auth`: `auth` if it is for that host, else
// those configured for the host. `mirror`: the host is a configured mirror of `domain`. InvalidArgument if the field
// `auth` is not base64 of "user:password".
absl::StatusOr<Credentials> CredentialsFor(const RegistryOptions& options, const std::string& domain,
                                           const RegistryAuth& auth, const std::string& host, bool mirror);

// Headers of a configuration: name, value.
using ConfiguredHeaders = std::vector<std::pair<std::string, std::string>>;

// `headers` as lines of a request. The headers that belong to the connection (Host, Content-Length, …) are left out,
// and so is Authorization if `authorization` is set, which takes its place.
std::vector<std::string> HeaderLines(const ConfiguredHeaders& headers, const std::string& authorization);

// The authorization of one pull's requests to one host.
//
// Thread-safe. Requests that need the same token wait for one fetch of it. A token server that does not answer delays
// only the requests that need its token.
class Authorizer {
 public:
  // A 401, the URL that gave it, and the Authorization header that was sent.
  struct Refusal {
    const Url& url;
    const HttpResponse& response;
    const std::string& sent;
  };
  // The options for TLS by the host of a token server.
  using TlsFor = std::function<RegistryTls(const std::string& host)>;
  // The challenges that one request has answered with something new, each of which is answered once.
  using Answered = std::set<std::string>;

  // `headers` are shown to token servers too. `http` must outlive the object.
  Authorizer(Credentials credentials, std::string scope, ConfiguredHeaders headers, TlsFor tls_for, HttpClient* http);

  // The value of the Authorization header for the first attempt of a request; empty for none.
  std::string Header() const;

  // The value to send after `refusal`. Gets a token if a challenge asks for one. Of several challenges, bearer tokens
  // go before Basic, and one that fails gives way to the next. Null if another attempt cannot help. Errors are those of
  // the token server.
  absl::StatusOr<std::optional<std::string>> Answer(const Refusal& refusal, Answered* answered,
                                                    const CallContext& call);

  // `text` without the secrets of this object, which a registry could repeat in its answers.
  std::string Redact(std::string text) const;

 private:
  struct Token {
    std::string header;
    bool fresh;  // fetched now
  };

  absl::StatusOr<std::optional<std::string>> AnswerOne(const AuthChallenge& challenge, const Refusal& refusal,
                                                       Answered* answered, const CallContext& call);
  absl::StatusOr<HttpRequest> TokenRequest(const AuthChallenge& challenge, const Refusal& refusal) const;
  absl::StatusOr<Token> BearerHeader(const HttpRequest& request, const std::string& sent, const CallContext& call);
  absl::StatusOr<HttpResponse> AskTokenServer(HttpRequest request, const CallContext& call) const;
  absl::StatusOr<std::string> FetchToken(const HttpRequest& request, const CallContext& call) const;
  void Remember(const std::string& token_key, const std::string& header);

  const Credentials credentials_;
  const std::string scope_;
  const ConfiguredHeaders configured_headers_;
  const TlsFor tls_for_;
  HttpClient* const http_;
  mutable Mutex mutex_;
  std::string latest_ ABSL_GUARDED_BY(mutex_);                          // what Header returns
  std::map<std::string, std::string> headers_ ABSL_GUARDED_BY(mutex_);  // by TokenKey
  SingleFlight<Token> fetches_;  // by TokenKey; last: its destructor waits for work that uses the others
};

}  // namespace crisp
