#include "tracing/otlp_message.h"

#include <algorithm>

#include "api/otlp/trace.pb.h"
#include "base/excerpt.h"
#include "base/utf8.h"

namespace crisp {
namespace {

constexpr size_t kMostText = 4096;  // bytes of one value
// OTLP's Span.flags: bit 8 says that bit 9 tells whether the parent is in another process.
constexpr uint32_t kKnowsRemote = 0x100;
constexpr uint32_t kIsRemote = 0x200;
constexpr uint32_t kSampled = 1;

template <typename Bytes>
std::string BytesOf(const Bytes& bytes) {
  return std::string(bytes.begin(), bytes.end());
}

std::string TextOf(absl::string_view text) {
  return ToUtf8(text.substr(0, kMostText));
}

void AddText(const std::string& name, const std::string& value,
             google::protobuf::RepeatedPtrField<otlp::KeyValue>* list) {
  otlp::KeyValue* const pair = list->Add();
  pair->set_key(name);
  pair->mutable_value()->set_string_value(value);
}

void AddAttributes(const SpanRecord& span, otlp::Span* message) {
  for (const auto& [name, value] : span.attributes) {
    if (const std::string* const text = std::get_if<std::string>(&value)) {
      AddText(TextOf(name), TextOf(*text), message->mutable_attributes());
      continue;
    }
    otlp::KeyValue* const pair = message->add_attributes();
    pair->set_key(TextOf(name));
    pair->mutable_value()->set_int_value(std::get<int64_t>(value));
  }
}

void AddLinks(const SpanRecord& span, otlp::Span* message) {
  for (const TraceContext& to : span.links) {
    otlp::Link* const link = message->add_links();
    link->set_trace_id(BytesOf(to.trace_id));
    link->set_span_id(BytesOf(to.span_id));
    link->set_flags(kKnowsRemote | (to.sampled ? kSampled : 0));
  }
}

void Write(const SpanRecord& span, otlp::Span* message) {
  message->set_trace_id(BytesOf(span.context.trace_id));
  message->set_span_id(BytesOf(span.context.span_id));
  if (span.parent != SpanId{}) message->set_parent_span_id(BytesOf(span.parent));
  message->set_name(TextOf(span.name));
  message->set_kind(span.server ? otlp::SPAN_KIND_SERVER : otlp::SPAN_KIND_INTERNAL);
  message->set_start_time_unix_nano(static_cast<uint64_t>(span.begun));
  message->set_end_time_unix_nano(static_cast<uint64_t>(std::max(span.begun, span.ended)));
  message->set_flags(kSampled | kKnowsRemote | (span.remote_parent ? kIsRemote : 0));
  AddAttributes(span, message);
  AddLinks(span, message);
  if (!span.failed) return;
  message->mutable_status()->set_code(otlp::STATUS_CODE_ERROR);
  message->mutable_status()->set_message(TextOf(span.error));
}

}  // namespace

std::string OtlpRequest(const std::vector<std::pair<std::string, std::string>>& resource,
                        const std::vector<SpanRecord>& spans) {
  otlp::ExportTraceServiceRequest request;
  otlp::ResourceSpans* const all = request.add_resource_spans();
  for (const auto& [name, value] : resource) AddText(name, value, all->mutable_resource()->mutable_attributes());
  otlp::ScopeSpans* const scope = all->add_scope_spans();
  scope->mutable_scope()->set_name("crisp");
  scope->mutable_scope()->set_version(CRISP_VERSION);
  for (const SpanRecord& span : spans) Write(span, scope->add_spans());
  return request.SerializeAsString();
}

PartialSuccess ReadOtlpResponse(absl::string_view body) {
  otlp::ExportTraceServiceResponse response;
  if (!response.ParseFromArray(body.data(), static_cast<int>(body.size()))) return {};
  const otlp::ExportTracePartialSuccess& partial = response.partial_success();
  return {std::max<int64_t>(partial.rejected_spans(), 0), Excerpt(partial.error_message())};
}

}  // namespace crisp
