#include "metrics/rpc_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <map>

namespace crisp {
namespace {

using Labels = std::map<std::string, std::string>;

// Those of go-grpc-prometheus.
const prometheus::Histogram::BucketBoundaries& Buckets() {
  static const auto* const kBuckets =
      new prometheus::Histogram::BucketBoundaries{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
  return *kBuckets;
}

const char* TypeOf(RpcKind kind) {
  switch (kind) {
    case RpcKind::kUnary:
      return "unary";
    case RpcKind::kServerStream:
      return "server_stream";
    case RpcKind::kClientStream:
      return "client_stream";
  }
  return "";
}

Labels LabelsOf(const RpcName& name) {
  return {{"grpc_type", TypeOf(name.kind)}, {"grpc_service", name.service}, {"grpc_method", name.method}};
}

Labels ShortLabelsOf(const RpcName& name) {
  return {{"grpc_service", name.service}, {"grpc_method", name.method}};
}

}  // namespace

struct RpcMetrics::Families {
  Families(prometheus::Registry* registry, bool with_histogram)
      : started(prometheus::BuildCounter()
                    .Name("grpc_server_started_total")
                    .Help("RPCs that have begun.")
                    .Register(*registry)),
        handled(prometheus::BuildCounter()
                    .Name("grpc_server_handled_total")
                    .Help("RPCs that have ended, by code.")
                    .Register(*registry)),
        in_flight(prometheus::BuildGauge()
                      .Name("crisp_rpcs_in_flight")
                      .Help("RPCs that are served now.")
                      .Register(*registry)),
        histogram(with_histogram ? &prometheus::BuildHistogram()
                                        .Name("grpc_server_handling_seconds")
                                        .Help("Time from the begin to the end of an RPC.")
                                        .Register(*registry)
                                 : nullptr) {}

  prometheus::Family<prometheus::Counter>& started;
  prometheus::Family<prometheus::Counter>& handled;
  prometheus::Family<prometheus::Gauge>& in_flight;
  prometheus::Family<prometheus::Histogram>* histogram;
};

RpcMetrics::RpcMetrics(prometheus::Registry* registry, bool histogram)
    : families_(std::make_unique<Families>(registry, histogram)) {}

RpcMetrics::~RpcMetrics() = default;

void RpcMetrics::Started(const RpcName& name) {
  families_->started.Add(LabelsOf(name)).Increment();
  families_->in_flight.Add(ShortLabelsOf(name)).Increment();
}

void RpcMetrics::Handled(const RpcName& name, absl::StatusCode code, MonoClock::duration time) {
  Labels labels = LabelsOf(name);
  if (families_->histogram != nullptr) {
    families_->histogram->Add(labels, Buckets()).Observe(std::chrono::duration<double>(time).count());
  }
  labels["grpc_code"] = GoCodeName(code);
  families_->handled.Add(labels).Increment();
  families_->in_flight.Add(ShortLabelsOf(name)).Decrement();
}

std::string GoCodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "OK";
    case absl::StatusCode::kCancelled:
      return "Canceled";
    case absl::StatusCode::kInvalidArgument:
      return "InvalidArgument";
    case absl::StatusCode::kDeadlineExceeded:
      return "DeadlineExceeded";
    case absl::StatusCode::kNotFound:
      return "NotFound";
    case absl::StatusCode::kAlreadyExists:
      return "AlreadyExists";
    case absl::StatusCode::kPermissionDenied:
      return "PermissionDenied";
    case absl::StatusCode::kResourceExhausted:
      return "ResourceExhausted";
    case absl::StatusCode::kFailedPrecondition:
      return "FailedPrecondition";
    case absl::StatusCode::kAborted:
      return "Aborted";
    case absl::StatusCode::kOutOfRange:
      return "OutOfRange";
    case absl::StatusCode::kUnimplemented:
      return "Unimplemented";
    case absl::StatusCode::kInternal:
      return "Internal";
    case absl::StatusCode::kUnavailable:
      return "Unavailable";
    case absl::StatusCode::kDataLoss:
      return "DataLoss";
    case absl::StatusCode::kUnauthenticated:
      return "Unauthenticated";
    default:
      return "Unknown";
  }
}

}  // namespace crisp
