// HTTP/1.1 by libcurl: one request, one response. The caller handles redirects, credentials and retries, so that crisp
// decides about each hop.
//
// Proxies are those of the environment (base/proxy_rules.h), trusted certificates those of images/tls_store.h.
//
// Threading: HttpClient is thread-safe. It keeps connections open and uses each for one request at a time.
// Errors: Unavailable if the network or the peer failed (another try may help); the error of the sink, unchanged; the
// error of the call once it has ended; FailedPrecondition if TLS fails (its files, the certificate); Internal for a
// response beyond a limit. No error has the URL in it: parts of it can be secret.
#pragma once

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
#include "base/proxy_rules.h"
#include "base/url.h"
#include "images/image_counters.h"
#include "images/registry_options.h"
#include "images/tls_store.h"

namespace crisp {

// The default limit of a response's body, for answers that are text.
inline constexpr size_t kAnswerLimit = 64 << 10;

// The certificate of a server, as OpenSSL prints its parts.
struct ServerCertificate {
  std::string subject;
  std::string issuer;
  std::string end;  // "Nov 29 15:59:06 2027 GMT"; empty for a connection without TLS
};

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;                                 // empty where a sink took it
  ServerCertificate certificate;                    // if the request asked for it

  // The first header with this name, empty if there is none.
  std::string Header(const std::string& name) const;
  // A redirect with a Location.
  bool IsRedirect() const;
};

struct HttpRequest {
  std::string method = "GET";  // or HEAD, POST
  Url url;
  std::vector<std::string> headers;     // "Name: value"
  std::string body;                     // of a POST
  RegistryTls tls;                      // the same for all requests of a client to one host
  std::chrono::milliseconds answer{0};  // how long the peer may take until its answer begins; 0: HttpTimes::stall
  size_t body_limit = kAnswerLimit;     // bytes of HttpResponse::body; more is an error
  bool wants_certificate = false;       // fill in HttpResponse::certificate; of a new connection only
  // Called with the head of the response before its body arrives. An error ends the transfer.
  std::function<absl::Status(const HttpResponse&)> begin;
  // Called with each piece of the body of a 200 or 206 response. An error ends the transfer.
  std::function<absl::Status(absl::string_view)> sink;
};

// Of each, 0 is "no limit". The whole transfer has none.
struct HttpTimes {
  std::chrono::milliseconds connect{30000};    // the TCP connection
  std::chrono::milliseconds handshake{10000};  // TLS
  std::chrono::milliseconds stall{300000};     // without any byte
};

// What an error of HttpClient::Do can be asked for, also after Annotate.
bool IsStall(const absl::Status& status);         // the peer sent nothing for too long
bool IsNotConnected(const absl::Status& status);  // there is no TCP connection
bool IsNotTls(const absl::Status& status);        // the TLS handshake failed as with a peer that has no TLS

class HttpClient {
 public:
  // Both must outlive it. Each request is counted.
  HttpClient(HttpTimes times, TlsStore* tls, ImageCounters* counters);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  absl::StatusOr<HttpResponse> Do(const HttpRequest& request, const CallContext& call);

 private:
  class Connection;
  class Phase;
  std::unique_ptr<Connection> Borrow();
  void Return(std::unique_ptr<Connection> connection);
  // `status` of 0: there was no answer.
  void Count(const Url& url, int status);

  const HttpTimes times_;
  const ProxyRules proxies_ = ProxyRules::FromEnvironment();
  TlsStore* const tls_;
  ImageCounters* const counters_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
