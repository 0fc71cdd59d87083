#include "server/edge.h"

#include <chrono>

#include "absl/status/statusor.h"

namespace crisp {

Call CallOf(const grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  const auto left = deadline - std::chrono::system_clock::now();
  const bool unlimited =
      deadline == std::chrono::system_clock::time_point::max() || left > std::chrono::hours(24 * 365);
  return Call(unlimited ? kNoDeadline : MonoClock::now() + left, [&context] { return context.IsCancelled(); });
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message())};
}

grpc::Status Serve(const RpcLog& log, absl::FunctionRef<absl::Status()> body) {
  const MonoTime start = MonoClock::now();
  const absl::Status status = body();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(MonoClock::now() - start).count();
  const std::string code = absl::StatusCodeToString(status.code());
  if (status.ok()) {
    Log(log.level, log.method, {{"object", log.object}, {"us", micros}, {"code", code}});
  } else {
    LogWarning(log.method, {{"object", log.object}, {"us", micros}, {"code", code}, {"error", status.message()}});
  }
  return ToGrpc(status);
}

}  // namespace crisp
