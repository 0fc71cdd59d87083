#include "server/edge.h"

#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/trace_files.h"
#include "tracing/traceparent.h"

namespace crisp {

CallContext CallOf(const grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  const auto left = deadline - std::chrono::system_clock::now();
  const bool unlimited =
      deadline == std::chrono::system_clock::time_point::max() || left > std::chrono::hours(24 * 365);
  return CallContext(unlimited ? kNoDeadline : MonoClock::now() + left, [&context] { return context.IsCancelled(); });
}

namespace {

// A client's cap on all headers of an answer is 8 KiB by default, and above it the client sees only that, not the code.
// The text travels percent-encoded (gRPC over HTTP/2, "Status-Message").
constexpr size_t kMaxEncodedText = 6000;

// The kubelet's reasons for a failed pull (cri-api, pkg/errors).
bool BeginsWithPullReason(absl::string_view text) {
  for (const char* reason : {"RegistryUnavailable", "SignatureValidationFailed"}) {
    if (absl::StartsWith(text, reason)) return true;
  }
  return false;
}

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

absl::StatusCode CodeForClient(const absl::Status& status) {
  return BeginsWithPullReason(status.message()) ? absl::StatusCode::kUnknown : status.code();
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(CodeForClient(status)), CutToFit(status.message())};
}

namespace {

// Not valid if the client names no span, or more than one.
TraceContext ParentOf(const grpc::ServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto [first, last] = metadata.equal_range("traceparent");
  if (first == last || std::next(first) != last) return {};
  return ParseTraceparent(absl::string_view(first->second.data(), first->second.size()));
}

}  // namespace

RpcSpan::RpcSpan(Tracer* tracer, const RpcName& name, const grpc::ServerContext& context) {
  if (tracer == nullptr) return;
  span_ = tracer->BeginCall(name.service, name.method, ParentOf(context), MonoClock::now());
}

CallContext RpcSpan::Trace(const CallContext& call) const {
  return call.TracedIn(span_.context, span_.span.get());
}

void RpcSpan::Add(const OwnedLogFields& fields) {
  if (span_.span == nullptr) return;
  for (const auto& [name, value] : fields) span_.span->AddField(name, value);
}

OwnedLogFields RpcSpan::Ids() const {
  if (span_.span == nullptr) return {};
  return {{"trace_id", TraceIdText(span_.context)}, {"span_id", SpanIdText(span_.context)}};
}

void RpcSpan::End(const absl::Status& status) {
  if (span_.span == nullptr) return;
  span_.span->End(absl::Status(CodeForClient(status), status.message()), MonoClock::now());
}

RpcLine::RpcLine(const RpcLog& log, OwnedLogFields subject) : log_(log), subject_(std::move(subject)) {}

void RpcLine::Add(OwnedLogFields fields) {
  subject_.insert(subject_.end(), std::make_move_iterator(fields.begin()), std::make_move_iterator(fields.end()));
}

void RpcLine::Write(const absl::Status& status, TraceFiles* traces) const {
  const LogLevel level = status.ok() ? log_.level : log_.failure_level;
  // Calls that only read, and probes, are so many that they would displace all else from the recorder.
  if (level == LogLevel::kDebug ? !IsWritten(level) : !IsLogged(level)) return;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(MonoClock::now() - start_).count();
  const std::string code = absl::StatusCodeToString(CodeForClient(status));
  std::vector<LogField> more = {{"us", micros}, {"code", code}};
  if (!status.ok()) more.emplace_back("error", status.message());
  const std::string trace = traces != nullptr && absl::IsInternal(status) ? traces->ForFailure(log_.method) : "";
  if (!trace.empty()) more.emplace_back("trace", trace);
  Log(level, log_.method, subject_, more);
  if (!trace.empty()) traces->Write(trace, subject_);
}

}  // namespace crisp
