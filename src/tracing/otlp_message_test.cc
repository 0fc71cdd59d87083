#include "tracing/otlp_message.h"

#include <gtest/gtest.h>

#include <string>

#include "api/otlp/trace.pb.h"
#include "tracing/testing/test_collector.h"

namespace crisp {
namespace {

otlp::Span Written(SpanRecord span) {
  otlp::ExportTraceServiceRequest request;
  EXPECT_TRUE(request.ParseFromString(OtlpRequest({{"service.name", "node"}}, {std::move(span)})));
  EXPECT_EQ(AttributeOf(request.resource_spans(0).resource(), "service.name"), "node");
  EXPECT_EQ(request.resource_spans(0).scope_spans(0).scope().name(), "crisp");
  return request.resource_spans(0).scope_spans(0).spans(0);
}

SpanRecord Sample() {
  SpanRecord span;
  span.context = {TraceId{1, 2}, SpanId{3, 4}, true};
  span.name = "RunPodSandbox";
  span.begun = 1000;
  span.ended = 2000;
  return span;
}

TEST(OtlpMessageTest, ARootHasNoParent) {
  const otlp::Span span = Written(Sample());
  EXPECT_EQ(span.trace_id(), std::string("\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(span.span_id(), std::string("\3\4\0\0\0\0\0\0", 8));
  EXPECT_EQ(span.parent_span_id(), "");
  EXPECT_EQ(span.name(), "RunPodSandbox");
  EXPECT_EQ(span.kind(), otlp::SPAN_KIND_INTERNAL);
  EXPECT_EQ(span.start_time_unix_nano(), 1000u);
  EXPECT_EQ(span.end_time_unix_nano(), 2000u);
  EXPECT_EQ(span.status().code(), otlp::STATUS_CODE_UNSET);
  EXPECT_EQ(span.flags(), 0x101u);
}

TEST(OtlpMessageTest, AnRpcHasItsParentInAnotherProcess) {
  SpanRecord rpc = Sample();
  rpc.server = true;
  rpc.parent = SpanId{5};
  rpc.remote_parent = true;
  const otlp::Span span = Written(rpc);
  EXPECT_EQ(span.parent_span_id(), std::string("\5\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(span.kind(), otlp::SPAN_KIND_SERVER);
  EXPECT_EQ(span.flags(), 0x301u);
}

TEST(OtlpMessageTest, AttributesAndLinksAreThere) {
  SpanRecord linked = Sample();
  linked.attributes = {{"k8s.pod.name", "web-0"}, {"rpc.grpc.status_code", int64_t{5}}};
  linked.links = {{TraceId{9}, SpanId{8}, true}};
  const otlp::Span span = Written(linked);
  EXPECT_EQ(AttributeOf(span, "k8s.pod.name"), "web-0");
  EXPECT_EQ(span.attributes(1).value().int_value(), 5);
  ASSERT_EQ(span.links_size(), 1);
  EXPECT_EQ(span.links(0).trace_id()[0], 9);
  EXPECT_EQ(span.links(0).span_id()[0], 8);
}

// A collector drops a whole batch in which one text is not UTF-8.
TEST(OtlpMessageTest, TextsFromElsewhereAreMadeUtf8AndCut) {
  SpanRecord failed = Sample();
  failed.failed = true;
  failed.error = "create: \xff" + std::string(10000, 'x');
  failed.attributes = {{"crisp.layer", std::string("\xc3")}};
  const otlp::Span span = Written(failed);
  EXPECT_EQ(span.status().code(), otlp::STATUS_CODE_ERROR);
  EXPECT_EQ(span.status().message().substr(0, 12), "create: \xef\xbf\xbdx");
  EXPECT_LT(span.status().message().size(), 5000u);
  EXPECT_EQ(AttributeOf(span, "crisp.layer"), "\xef\xbf\xbd");
}

TEST(OtlpMessageTest, AnEndIsNeverBeforeTheBegin) {
  SpanRecord odd = Sample();
  odd.ended = 10;
  EXPECT_EQ(Written(odd).end_time_unix_nano(), 1000u);
}

TEST(OtlpMessageTest, AnAnswerSaysHowManySpansWereRejected) {
  otlp::ExportTraceServiceResponse response;
  response.mutable_partial_success()->set_rejected_spans(3);
  response.mutable_partial_success()->set_error_message("too\nlong");
  const PartialSuccess partial = ReadOtlpResponse(response.SerializeAsString());
  EXPECT_EQ(partial.rejected, 3);
  EXPECT_EQ(partial.error, "too\\nlong");
  EXPECT_EQ(ReadOtlpResponse("").rejected, 0);
  EXPECT_EQ(ReadOtlpResponse("<html>").rejected, 0);
}

}  // namespace
}  // namespace crisp
