#include "server/edge.h"

#include <chrono>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace crisp {

Call CallOf(const grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  const auto left = deadline - std::chrono::system_clock::now();
  const bool unlimited =
      deadline == std::chrono::system_clock::time_point::max() || left > std::chrono::hours(24 * 365);
  return Call(unlimited ? kNoDeadline : MonoClock::now() + left, [&context] { return context.IsCancelled(); });
}

namespace {

// A client's cap on all headers of an answer is 8 KiB by default, and above it the client sees only that, not the code.
// The text travels percent-encoded (gRPC over HTTP/2, "Status-Message").
constexpr size_t kMaxEncodedText = 6000;

std::string CutToFit(absl::string_view text) {
  size_t encoded = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool plain = text[i] >= ' ' && text[i] <= '~' && text[i] != '%';
    encoded += plain ? 1 : 3;
    if (encoded > kMaxEncodedText) return absl::StrCat(text.substr(0, i), " …");
  }
  return std::string(text);
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.raw_code()), CutToFit(status.message())};
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
