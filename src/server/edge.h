// The edge between gRPC and the rest of the house: deadlines in, statuses out, one log line an RPC.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/call.h"
#include "base/log.h"

namespace crisp {

// How long the client will wait. Valid as long as `context` is.
Call CallOf(const grpc::ServerContext& context);

// The codes of both are the same numbers.
grpc::Status ToGrpc(const absl::Status& status);

// What an RPC's log line says besides its method, duration and result.
struct RpcLog {
  absl::string_view method;
  LogLevel level = LogLevel::kInfo;  // of a success: reads are kDebug. An error is never less than kWarning.
  absl::string_view object;          // an id, a name or a reference, as the client gave it
};

// Runs the body of an RPC, and logs it once.
grpc::Status Serve(const RpcLog& log, absl::FunctionRef<absl::Status()> body);

}  // namespace crisp
