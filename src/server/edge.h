// The edge between gRPC and the rest of the daemon: deadlines in, statuses out, one log line for each RPC.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/log.h"
#include "metrics/rpc_metrics.h"
#include "server/subject.h"
#include "server/unknown_fields.h"

namespace crisp {

class PodTable;
class TraceFiles;

// How long the client will wait. Valid as long as `context` is.
CallContext CallOf(const grpc::ServerContext& context);

// The numbers of the codes are the same, but for texts that begin with a reason that the kubelet knows for a pull: it
// looks for "RegistryUnavailable" and "SignatureValidationFailed" at the beginning of an error's text, and finds them
// only with UNKNOWN, because cri-client leaves "rpc error: code = …" before the text of every other code. The text is
// cut to what clients accept.
grpc::Status ToGrpc(const absl::Status& status);

// The code of ToGrpc.
absl::StatusCode CodeForClient(const absl::Status& status);

// An RPC's name, and the levels of its log line if it succeeds and if it fails.
struct RpcLog {
  absl::string_view method;  // "RunPodSandbox", or "Containers.Get" where the method alone would say little
  LogLevel level = LogLevel::kInfo;
  LogLevel failure_level = LogLevel::kWarning;
};

// The log line of an RPC. Its time counts from the construction.
class RpcLine {
 public:
  RpcLine(const RpcLog& log, OwnedLogFields subject);
  void Add(OwnedLogFields fields);
  // A failure that is Internal leaves a file in `traces`, if that is not null, which the line names.
  void Write(const absl::Status& status, TraceFiles* traces = nullptr) const;

 private:
  const RpcLog log_;
  OwnedLogFields subject_;
  const MonoTime start_ = MonoClock::now();
};

// Serves the RPCs of one service by member functions of the *Rpcs classes. Thread-safe.
class Edge {
 public:
  // `service` is the full name, "runtime.v1.RuntimeService". The pointers must outlive it; `traces` may be null.
  Edge(std::string service, const PodTable* pods, RpcMetrics* metrics, TraceFiles* traces = nullptr)
      : service_(std::move(service)), pods_(pods), metrics_(metrics), traces_(traces) {}

  // A method that waits for others gets the client's deadline as a CallContext.
  template <typename Rpcs, typename Request, typename Response>
  grpc::Status Answer(const RpcLog& log, const grpc::ServerContext& context, Rpcs& rpcs,
                      absl::Status (Rpcs::*method)(const Request&, const CallContext&, Response*),
                      const Request& request, Response* response) {
    return Serve(log, request, response, [&] { return (rpcs.*method)(request, CallOf(context), response); });
  }
  template <typename Rpcs, typename Request, typename Response>
  grpc::Status Answer(const RpcLog& log, const grpc::ServerContext&, Rpcs& rpcs,
                      absl::Status (Rpcs::*method)(const Request&, Response*), const Request& request,
                      Response* response) {
    return Serve(log, request, response, [&] { return (rpcs.*method)(request, response); });
  }

  // For calls that are answered by streams.
  RpcName NameOf(absl::string_view method) const { return {service_, std::string(method), /*streamed=*/true}; }
  RpcMetrics* metrics() const { return metrics_; }
  UnknownFieldLog& unknown_fields() { return unknown_fields_; }

 private:
  template <typename Request, typename Response>
  grpc::Status Serve(const RpcLog& log, const Request& request, Response* response,
                     absl::FunctionRef<absl::Status()> body) {
    const RpcName name = {service_, std::string(log.method.substr(log.method.rfind('.') + 1))};
    const MonoTime start = MonoClock::now();
    metrics_->Started(name);
    unknown_fields_.Look(log.method, request);
    RpcLine line(log, SubjectOf(request, *pods_));
    const absl::Status status = body();
    if (status.ok()) line.Add(CreatedBy(request, *response));
    line.Write(status, traces_);
    metrics_->Handled(name, CodeForClient(status), MonoClock::now() - start);
    return ToGrpc(status);
  }

  const std::string service_;
  const PodTable* const pods_;
  RpcMetrics* const metrics_;
  TraceFiles* const traces_;
  UnknownFieldLog unknown_fields_;
};

}  // namespace crisp
