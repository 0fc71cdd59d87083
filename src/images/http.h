// HTTP/1.1 by libcurl: one request, one response. Redirects, credentials and retries are the callers' matter, so that
// each hop is a decision of ours.
//
// Threading: HttpClient from any thread; it keeps connections and lends each to one request at a time.
// Errors: Unavailable where the network or the peer failed (another try may help), the sink's error as it is, the
// call's error once the call is over, FailedPrecondition where TLS cannot be had (its files, the certificate), Internal
// for an answer beyond its limits. None names the URL: parts of it can be secret.
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
#include "base/call.h"
#include "base/mutex.h"
#include "base/url.h"
#include "images/registry_options.h"

namespace crisp {

// What an answer's text may have, where no more is expected.
inline constexpr size_t kAnswerLimit = 64 << 10;

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;                                 // empty where a sink took it

  // The first header of that name, empty if none.
  std::string Header(const std::string& name) const;
};

struct HttpRequest {
  std::string method = "GET";  // or HEAD, POST
  Url url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // of a POST
  RegistryTls tls;
  size_t body_limit = kAnswerLimit;  // of HttpResponse::body; more is an error
  // Sees the head of the answer before its body comes. An error ends the transfer.
  std::function<absl::Status(const HttpResponse&)> begin;
  // Gets the body of a 200 or 206 answer, piece by piece. An error ends the transfer.
  std::function<absl::Status(absl::string_view)> sink;
};

struct HttpTimes {
  std::chrono::milliseconds connect{15000};
  std::chrono::milliseconds stall{60000};  // without one byte; the whole may take as long as it takes
};

class HttpClient {
 public:
  explicit HttpClient(HttpTimes times = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  absl::StatusOr<HttpResponse> Do(const HttpRequest& request, const Call& call);

 private:
  class Connection;
  std::unique_ptr<Connection> Borrow();
  void Return(std::unique_ptr<Connection> connection);

  const HttpTimes times_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
