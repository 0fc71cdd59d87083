// HTTP/1.1 by libcurl: one request, one response. The caller handles redirects, credentials and retries, so that crisp
// decides about each hop.
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
#include "base/url.h"
#include "images/registry_options.h"

namespace crisp {

// The default limit of a response's body, for answers that are text.
inline constexpr size_t kAnswerLimit = 64 << 10;

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;                                 // empty where a sink took it

  // The first header with this name, empty if there is none.
  std::string Header(const std::string& name) const;
};

struct HttpRequest {
  std::string method = "GET";  // or HEAD, POST
  Url url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // of a POST
  RegistryTls tls;
  size_t body_limit = kAnswerLimit;  // bytes of HttpResponse::body; more is an error
  // Called with the head of the response before its body arrives. An error ends the transfer.
  std::function<absl::Status(const HttpResponse&)> begin;
  // Called with each piece of the body of a 200 or 206 response. An error ends the transfer.
  std::function<absl::Status(absl::string_view)> sink;
};

struct HttpTimes {
  std::chrono::milliseconds connect{15000};
  std::chrono::milliseconds stall{60000};  // without any byte; the whole transfer has no limit
};

class HttpClient {
 public:
  explicit HttpClient(HttpTimes times = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  absl::StatusOr<HttpResponse> Do(const HttpRequest& request, const CallContext& call);

 private:
  class Connection;
  std::unique_ptr<Connection> Borrow();
  void Return(std::unique_ptr<Connection> connection);

  const HttpTimes times_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
