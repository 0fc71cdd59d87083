// RpcMetrics: the calls of gRPC clients, under the names of go-grpc-prometheus, which containerd's and the kubelet's
// dashboards use. Nothing but a method's name and a code are labels.
//
//   grpc_server_started_total{grpc_type,grpc_service,grpc_method}
//   grpc_server_handled_total{…,grpc_code}              "OK", "NotFound", … as in Go
//   grpc_server_handling_seconds{…}                     a histogram, if it is asked for (metrics.grpc_histogram)
//   crisp_rpcs_in_flight{grpc_service,grpc_method}
//
// Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"

namespace prometheus {
class Registry;
}  // namespace prometheus

namespace crisp {

enum class RpcKind { kUnary, kServerStream, kClientStream };

struct RpcName {
  std::string service;  // "runtime.v1.RuntimeService"
  std::string method;   // "RunPodSandbox"
  RpcKind kind = RpcKind::kUnary;
};

class RpcMetrics {
 public:
  // `registry` must outlive the object.
  RpcMetrics(prometheus::Registry* registry, bool histogram);
  ~RpcMetrics();
  RpcMetrics(const RpcMetrics&) = delete;
  RpcMetrics& operator=(const RpcMetrics&) = delete;

  void Started(const RpcName& name);
  void Handled(const RpcName& name, absl::StatusCode code, MonoClock::duration time);

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

// As Go's gRPC writes a code: "DeadlineExceeded".
std::string GoCodeName(absl::StatusCode code);

}  // namespace crisp
