// RegistrySite: one endpoint of a pull: its connections, its TLS options, and its authorization. Sends the requests for
// one repository, follows redirects, and answers challenges, of the endpoint itself and of the hosts to which it
// redirects, each with the credentials for that host only.
//
// Redirects are followed as by Go's http.Client: at most ten. The TLS options of the endpoint hold for all of them, as
// in containerd, unless others are configured for the host. Configured headers and the endpoint's authorization stay
// with its host. From https to http only content that is verified by its digest is followed, and without credentials.
//
// Threading: thread-safe. Errors: those of HttpClient and Authorizer; Internal for a redirect that is not followed.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "images/endpoint.h"
#include "images/http.h"
#include "images/reference.h"
#include "images/registry_auth.h"
#include "images/registry_options.h"
#include "images/tls_store.h"

namespace crisp {

// A request to any site of a repository.
struct SiteRequest {
  std::string method = "GET";
  std::string path;        // below the repository: "/manifests/latest"
  bool by_digest = false;  // what it gives is verified by its digest
  std::vector<std::string> headers = {};
  size_t body_limit = kAnswerLimit;
  std::chrono::milliseconds answer{0};  // HttpRequest::answer
  std::function<absl::Status(const HttpResponse&)> begin = {};
  std::function<absl::Status(absl::string_view)> sink = {};
};

class RegistrySite {
 public:
  // `options`, `tls` and `counters` must outlive it. InvalidArgument for invalid credentials.
  static absl::StatusOr<std::unique_ptr<RegistrySite>> Create(const Endpoint& endpoint, const RegistryOptions& options,
                                                              const Reference& reference, const RegistryAuth& auth,
                                                              HttpTimes times, TlsStore* tls, ImageCounters* counters);

  const Endpoint& endpoint() const { return endpoint_; }
  // The endpoint, which has a fallback, turned out not to speak TLS.
  bool speaks_no_tls() const { return speaks_no_tls_; }

  absl::StatusOr<HttpResponse> Send(const SiteRequest& request, const CallContext& call);

  // `text` without the secrets of this pull, which a registry could repeat in its answers.
  std::string Redact(std::string text) const;

 private:
  RegistrySite(const Endpoint& endpoint, const RegistryOptions& options, const Reference& reference,
               const RegistryAuth& auth, HttpTimes times, TlsStore* tls, ImageCounters* counters);
  RegistryTls TlsFor(const std::string& host) const;
  // The authorization of requests to `url`: the endpoint's own, or that of redirects to its host.
  absl::StatusOr<Authorizer*> AuthorizerFor(const Url& url, bool redirected);
  std::unique_ptr<Authorizer> NewAuthorizer(Credentials credentials, ConfiguredHeaders headers);
  ConfiguredHeaders OwnHeaders() const;
  bool IsOwn(const Url& url) const;
  void NoteFailure(const absl::Status& status);
  absl::StatusOr<HttpResponse> AskOne(HttpRequest& request, const std::vector<std::string>& headers, bool redirected,
                                      const CallContext& call);

  const Endpoint endpoint_;
  const RegistryOptions& options_;
  const Reference reference_;
  const RegistryAuth auth_;
  HttpClient http_;
  std::atomic<bool> speaks_no_tls_{false};
  mutable Mutex mutex_;
  // By origin; the endpoint's own under "".
  std::map<std::string, std::unique_ptr<Authorizer>> authorizers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
