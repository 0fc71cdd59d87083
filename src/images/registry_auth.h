// Credentials of a pull and the ways to present them: the token flow of the distribution project (docs/spec/auth/token
// and oauth), HTTP Basic, or a given bearer token.
//
// Credentials belong to one host. They are sent to the endpoints of that host and to the token server that it names,
// and nowhere else. They are sent unencrypted only if the endpoint itself is unencrypted. No error has a secret in it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/single_flight.h"
#include "images/endpoint.h"
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

// The credentials for `endpoint` in a pull from `domain` with `auth`: `auth` if it is for that host, else those
// configured for the host. InvalidArgument if the field `auth` is not base64 of "user:password".
absl::StatusOr<Credentials> CredentialsFor(const RegistryOptions& options, const std::string& domain,
                                           const RegistryAuth& auth, const Endpoint& endpoint);

// One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1). Names are in lower case.
struct AuthChallenge {
  std::string scheme;
  std::map<std::string, std::string> params;
};
std::vector<AuthChallenge> ParseChallenges(absl::string_view header);

// The authorization of one pull's requests to one endpoint.
//
// Thread-safe. Requests that need the same token wait for one fetch of it. A token server that does not answer delays
// only the requests that need its token.
class Authorizer {
 public:
  Authorizer(const Endpoint& endpoint, Credentials credentials, std::string scope);

  // The value of the Authorization header for the first attempt of a request; empty for none.
  std::string Header() const;

  // The value to send after `refusal`, a 401 to a request that had `sent`. Gets a token if the challenge asks for one.
  // Null if another attempt cannot help. Errors are those of the token server. `options` and `http` must outlive
  // the object: a fetch can outlive its last caller for a moment.
  absl::StatusOr<std::optional<std::string>> Answer(const HttpResponse& refusal, const std::string& sent,
                                                    const RegistryOptions& options, HttpClient& http,
                                                    const CallContext& call);

  // `text` without the secrets of this object, which a registry could repeat in its answers.
  std::string Redact(std::string text) const;

 private:
  absl::StatusOr<HttpRequest> TokenRequest(const AuthChallenge& challenge, const RegistryOptions& options) const;
  absl::StatusOr<std::string> BearerHeader(const HttpRequest& request, const std::string& sent, HttpClient& http,
                                           const CallContext& call);
  absl::StatusOr<std::string> FetchToken(const HttpRequest& request, HttpClient& http, const CallContext& call) const;
  void Remember(const std::string& token_key, const std::string& header);

  const Endpoint endpoint_;
  const Credentials credentials_;
  const std::string scope_;
  mutable Mutex mutex_;
  std::string latest_ ABSL_GUARDED_BY(mutex_);                          // what Header returns
  std::map<std::string, std::string> headers_ ABSL_GUARDED_BY(mutex_);  // by TokenKey
  SingleFlight<std::string> fetches_;  // by TokenKey; last: its destructor waits for work that uses the others
};

}  // namespace crisp
