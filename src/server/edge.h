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
#include "base/trace.h"
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
  const OwnedLogFields& subject() const { return subject_; }

 private:
  const RpcLog log_;
  OwnedLogFields subject_;
  const MonoTime start_ = MonoClock::now();
};

// The span of an RPC (base/trace.h), from its construction to End. It joins the trace that the client's metadata names
// by "traceparent". Without a tracer it does nothing.
class RpcSpan {
 public:
  RpcSpan(Tracer* tracer, const RpcName& name, const grpc::ServerContext& context);

  // `call` as a part of the trace; valid as long as this.
  CallContext Trace(const CallContext& call) const;
  void Add(const OwnedLogFields& fields);
  // trace_id and span_id; none if it is not recorded.
  OwnedLogFields Ids() const;
  void End(const absl::Status& status);

 private:
  BegunSpan span_;
};

// Who is told of the RPCs of a service. All must outlive it.
struct RpcWatchers {
  RpcMetrics* metrics;
  Tracer* tracer = nullptr;      // null: RPCs are not traced
  bool log_trace_ids = false;    // lines of RPCs have trace_id and span_id, if they are recorded
  TraceFiles* traces = nullptr;  // gets a file for each failure that is Internal; null: none
};

// Serves the RPCs of one service by member functions of the *Rpcs classes. Thread-safe.
class Edge {
 public:
  // `service` is the full name, "runtime.v1.RuntimeService". `pods` must outlive it.
  Edge(std::string service, const PodTable* pods, const RpcWatchers& watchers)
      : service_(std::move(service)), pods_(pods), watchers_(watchers) {}

  // A method that waits for others gets the client's deadline as a CallContext.
  template <typename Rpcs, typename Request, typename Response>
  grpc::Status Answer(const RpcLog& log, const grpc::ServerContext& context, Rpcs& rpcs,
                      absl::Status (Rpcs::*method)(const Request&, const CallContext&, Response*),
                      const Request& request, Response* response) {
    return Serve(log, context, request, response,
                 [&](const RpcSpan& span) { return (rpcs.*method)(request, span.Trace(CallOf(context)), response); });
  }
  template <typename Rpcs, typename Request, typename Response>
  grpc::Status Answer(const RpcLog& log, const grpc::ServerContext& context, Rpcs& rpcs,
                      absl::Status (Rpcs::*method)(const Request&, Response*), const Request& request,
                      Response* response) {
    return Serve(log, context, request, response, [&](const RpcSpan&) { return (rpcs.*method)(request, response); });
  }

  // A call that sends or receives a stream on its own thread. `request`, and `response` once it has succeeded, are
  // what the log line tells of.
  template <typename Request, typename Response>
  grpc::Status AnswerStream(const RpcLog& log, RpcKind kind, const grpc::ServerContext& context, const Request& request,
                            Response* response, absl::FunctionRef<absl::Status(const CallContext&)> body) {
    return Serve(
        log, context, request, response, [&](const RpcSpan& span) { return body(span.Trace(CallOf(context))); }, kind);
  }

  // For calls that are answered by streams on gRPC's asynchronous API.
  RpcName NameOf(absl::string_view method) const { return {service_, std::string(method), RpcKind::kServerStream}; }
  const RpcWatchers& watchers() const { return watchers_; }
  UnknownFieldLog& unknown_fields() { return unknown_fields_; }

 private:
  template <typename Request, typename Response>
  grpc::Status Serve(const RpcLog& log, const grpc::ServerContext& context, const Request& request, Response* response,
                     absl::FunctionRef<absl::Status(const RpcSpan&)> body, RpcKind kind = RpcKind::kUnary) {
    const RpcName name = {service_, std::string(log.method.substr(log.method.rfind('.') + 1)), kind};
    const MonoTime start = MonoClock::now();
    watchers_.metrics->Started(name);
    RpcSpan span(watchers_.tracer, name, context);
    unknown_fields_.Look(log.method, request);
    RpcLine line(log, SubjectOf(request, *pods_));
    const absl::Status status = body(span);
    if (status.ok()) line.Add(CreatedBy(request, *response));
    span.Add(line.subject());
    if (watchers_.log_trace_ids) line.Add(span.Ids());
    line.Write(status, watchers_.traces);
    span.End(status);
    watchers_.metrics->Handled(name, CodeForClient(status), MonoClock::now() - start);
    return ToGrpc(status);
  }

  const std::string service_;
  const PodTable* const pods_;
  const RpcWatchers watchers_;
  UnknownFieldLog unknown_fields_;
};

}  // namespace crisp
