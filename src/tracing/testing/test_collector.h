// TestCollector: a collector of traces on 127.0.0.1, for tests: an HTTP/1.1 server that keeps what it is sent.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "api/otlp/trace.pb.h"
#include "base/mutex.h"
#include "os/fd.h"

namespace crisp {

struct CollectorRequest {
  std::string line;                            // "POST /v1/traces HTTP/1.1"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct CollectorReply {
  int status = 200;
  std::string header = {};  // "Retry-After: 1"; empty: no other than Content-Length
  std::string body = {};
  bool hang = false;  // no answer, until the collector ends
};

// Thread-safe.
class TestCollector {
 public:
  // `number` counts the requests from 1.
  using Handler = std::function<CollectorReply(int number)>;

  explicit TestCollector(Handler handler = {});
  ~TestCollector();
  TestCollector(const TestCollector&) = delete;
  TestCollector& operator=(const TestCollector&) = delete;

  std::string Endpoint() const;  // "http://127.0.0.1:<port>"

  std::vector<CollectorRequest> requests() const;
  // The spans, and the resources, of all requests that were answered with 200.
  std::vector<otlp::Span> spans() const;
  std::vector<otlp::Resource> resources() const;
  // Returns once there are so many, or after half a minute.
  void AwaitRequests(size_t count) const;
  void AwaitSpans(size_t count) const;
  // Returns once a span of this name is there, or after half a minute.
  void AwaitSpan(const std::string& name) const;

 private:
  void Await(const std::function<bool()>& reached) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Accept();
  void Converse(int connection);
  CollectorReply Answer(const CollectorRequest& request);

  const Handler handler_;
  int port_ = 0;
  Fd listener_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<CollectorRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<otlp::Span> spans_ ABSL_GUARDED_BY(mutex_);
  std::vector<otlp::Resource> resources_ ABSL_GUARDED_BY(mutex_);
  std::vector<Fd> connections_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> conversations_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

// The value of an attribute: "" if there is none of that name.
std::string AttributeOf(const otlp::Span& span, const std::string& name);
std::string AttributeOf(const otlp::Resource& resource, const std::string& name);

}  // namespace crisp
