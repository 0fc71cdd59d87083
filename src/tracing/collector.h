// Collector: the end of the line to a collector of traces: OTLP over HTTP (opentelemetry.io, "OTLP Specification",
// section OTLP/HTTP), by libcurl.
//
// Proxies are those of the environment (base/proxy_rules.h), which never stand before a host on loopback. An https
// endpoint must show a certificate that is trusted.
//
// Threading: Send is called by one thread; EndBy by any, also while Send runs.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/proxy_rules.h"
#include "tracing/tracing_options.h"

namespace crisp {

// What became of a request.
struct Delivery {
  enum class Outcome { kTaken, kTryAgain, kRefused };
  Outcome outcome = Outcome::kTaken;
  std::string error;                                // without secrets; empty if all spans have been taken
  int64_t rejected = 0;                             // spans of a request that was taken
  std::optional<std::chrono::seconds> retry_after;  // the collector's wish, with kTryAgain
};

class Collector {
 public:
  explicit Collector(CollectorOptions options);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Sends an ExportTraceServiceRequest, and waits for the answer for at most the options' timeout.
  Delivery Send(const std::string& body);

  // No Send lasts beyond `end` from now on.
  void EndBy(MonoTime end);

 private:
  struct Answer;
  void SetUp(const std::string& body, Answer* answer);
  void SetUpTls();
  // The error; empty once there is an answer.
  std::string Transfer(MonoTime deadline);
  std::string ErrorOf(int code);
  Delivery Judge(const Answer& answer);

  const CollectorOptions options_;
  const std::string proxy_;
  std::atomic<MonoTime> end_{kNoDeadline};
  void* multi_;              // CURLM, with the connection that is kept open
  void* easy_;               // CURL
  void* headers_ = nullptr;  // curl_slist
  std::string error_buffer_;
};

}  // namespace crisp
