// The edge between gRPC and the rest of the daemon: deadlines in, statuses out, one log line for each RPC.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
#include "base/log.h"

namespace crisp {

// How long the client will wait. Valid as long as `context` is.
Call CallOf(const grpc::ServerContext& context);

// The numbers of the codes are the same. The text is cut to what clients accept.
grpc::Status ToGrpc(const absl::Status& status);

// What the log line of an RPC says besides its duration and result.
struct RpcLog {
  absl::string_view method;
  LogLevel level = LogLevel::kInfo;  // of a success; a failure is logged as a warning
  std::string object;                // an id, a name or a reference, as the client gave it
};

// Runs the body of an RPC and logs its result.
grpc::Status Serve(const RpcLog& log, absl::FunctionRef<absl::Status()> body);

// Serves an RPC by a member function of `rpcs`; the one that waits for others gets the client's deadline as a Call.
template <typename Rpcs, typename Request, typename Response>
grpc::Status Answer(const RpcLog& log, const grpc::ServerContext& context, Rpcs& rpcs,
                    absl::Status (Rpcs::*method)(const Request&, const Call&, Response*), const Request& request,
                    Response* response) {
  return Serve(log, [&] { return (rpcs.*method)(request, CallOf(context), response); });
}
template <typename Rpcs, typename Request, typename Response>
grpc::Status Answer(const RpcLog& log, const grpc::ServerContext&, Rpcs& rpcs,
                    absl::Status (Rpcs::*method)(const Request&, Response*), const Request& request,
                    Response* response) {
  return Serve(log, [&] { return (rpcs.*method)(request, response); });
}

// What RpcLog::object is for a request; empty where it names nothing.
template <typename Request>
std::string ObjectOf(const Request& request) {
  if constexpr (requires { request.container_id(); }) {
    return request.container_id();
  } else if constexpr (requires { request.pod_sandbox_id(); }) {
    return request.pod_sandbox_id();
  } else if constexpr (requires { request.config().metadata().name(); }) {
    return request.config().metadata().name();
  } else if constexpr (requires { request.image().image(); }) {
    return request.image().image();
  } else if constexpr (requires { request.filter().image().image(); }) {
    return request.filter().image().image();
  } else if constexpr (requires { request.filter().id(); }) {
    return request.filter().id();
  } else if constexpr (requires { request.runtime_config().network_config().pod_cidr(); }) {
    return request.runtime_config().network_config().pod_cidr();
  } else {
    return "";
  }
}

}  // namespace crisp
