// What tracing is told at its start: where spans go, and which.
//
// The configuration file has containerd's keys (config/config.h, TracingConfig), which containerd reads up to 1.7.
// Since 2.0 it reads OpenTelemetry's environment variables only, and 1.7 prefers them; so does crisp. Of these are
// read:
//
//   OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER ("otlp", or "none")
//   OTEL_EXPORTER_OTLP_ENDPOINT (a base, to which "/v1/traces" is added), OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (as it is)
//   OTEL_EXPORTER_OTLP_[TRACES_]{PROTOCOL,HEADERS,TIMEOUT,CERTIFICATE,CLIENT_CERTIFICATE,CLIENT_KEY}
//   OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG
//   OTEL_BSP_{SCHEDULE_DELAY,MAX_QUEUE_SIZE,MAX_EXPORT_BATCH_SIZE}
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/url.h"
#include "tracing/trace_sampler.h"

namespace crisp {

// How a collector is reached.
struct CollectorOptions {
  Url url;                                   // of an OTLP/HTTP endpoint for traces
  std::vector<std::string> headers;          // "Name: value"; may be secret
  std::chrono::milliseconds timeout{10000};  // for one request, with its answer
  std::string ca_file;                       // certificates to trust, PEM; empty: the system's
  std::string client_certificate;            // PEM; empty: none
  std::string client_key;
};

struct TracingOptions {
  CollectorOptions collector;
  std::vector<std::pair<std::string, std::string>> resource;  // attributes of all spans: service.name and so on
  TraceSampler sampler;
  size_t queue_size = 2048;               // spans that wait to be sent; more are dropped
  size_t batch_size = 512;                // spans that are sent at once
  std::chrono::milliseconds delay{5000};  // for how long a span may wait for others
};

// The settings of the configuration file.
struct TracingSettings {
  std::string endpoint;      // "http://host:4318", to which "/v1/traces" is added; empty: no tracing
  std::string protocol;      // "" or "http/protobuf"
  std::string service_name;  // empty: "crispd"
  double sampling_ratio = 1;
};

// Returns null for a variable that is not set, as getenv(3).
using Environment = std::function<const char*(const char* name)>;

// Nothing if tracing is off. An error names the key or the variable, and what to write.
absl::StatusOr<std::optional<TracingOptions>> ResolveTracing(const TracingSettings& settings,
                                                             const Environment& environment);

}  // namespace crisp
