// Credentials of a pull, and how they are shown to one endpoint: the token flow of the distribution project
// (docs/spec/auth/token and oauth), HTTP Basic, a ready bearer token.
//
// Credentials belong to one host. They go to that host's endpoints and to the token server that it names, and nowhere
// else; over an unencrypted connection only if the endpoint's own is. Nothing secret is in an error.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
#include "base/mutex.h"
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

// What `endpoint` may see when an image of `domain` is pulled with `auth`: `auth` where it is for that host, else what
// is configured for it. InvalidArgument if the `auth` field is not base64 of "user:password".
absl::StatusOr<Credentials> CredentialsFor(const RegistryOptions& options, const std::string& domain,
                                           const RegistryAuth& auth, const Endpoint& endpoint);

// One challenge of a WWW-Authenticate header (RFC 7235, section 4.1). Names are in lower case.
struct AuthChallenge {
  std::string scheme;
  std::map<std::string, std::string> params;
};
std::vector<AuthChallenge> ParseChallenges(absl::string_view header);

// Thread-safe: requests of one pull to one endpoint share it, and so one token.
class Authorizer {
 public:
  Authorizer(const Endpoint& endpoint, Credentials credentials, std::string scope);

  // The value of the Authorization header to send now; empty for none.
  std::string Header() const;

  // After `refusal`, a 401 to a request with the header `sent`: gets a token where the challenge asks for one. False
  // if asking again is of no use. Errors are those of the token server.
  absl::StatusOr<bool> Answer(const HttpResponse& refusal, const std::string& sent, const RegistryOptions& options,
                              HttpClient& http, const Call& call);

  // `text` without our secrets, which a registry could put into what it answers.
  std::string Redact(std::string text) const;

 private:
  absl::StatusOr<std::string> FetchToken(const AuthChallenge& challenge, const RegistryOptions& options,
                                         HttpClient& http, const Call& call);
  absl::StatusOr<HttpRequest> TokenRequest(const AuthChallenge& challenge) const;

  const Endpoint endpoint_;
  const Credentials credentials_;
  const std::string scope_;
  Mutex refresh_;  // one token is fetched at a time; held while the token server answers
  mutable Mutex mutex_;
  std::string header_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
