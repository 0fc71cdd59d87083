#include "tracing/span_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/captured_log.h"
#include "base/testing/wait.h"
#include "tracing/testing/test_collector.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

SpanRecord NewSpan(int number) {
  SpanRecord span;
  span.context = {TraceId{1}, SpanId{static_cast<uint8_t>(number + 1), static_cast<uint8_t>(number >> 8), 1}, true};
  span.name = absl::StrCat("span ", number);
  return span;
}

class SpanExporterTest : public testing::Test {
 protected:
  SpanExporterTest() {
    options_.delay = milliseconds(10);
    options_.resource = {{"service.name", "crispd"}};
    retries_.first = milliseconds(10);
  }

  void Start(const std::string& endpoint) {
    options_.collector.url = ParseUrl(endpoint + "/v1/traces").value();
    exporter_ = SpanExporter::Start(options_, &metrics_, retries_).value();
  }
  void Add(int count) {
    for (int i = 0; i < count; ++i) exporter_->Take(NewSpan(i));
  }
  std::string Metrics() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }
  bool MetricsHave(const std::string& line) const {
    return Eventually([&] { return Metrics().find(line) != std::string::npos; }, std::chrono::seconds(30));
  }

  prometheus::Registry registry_;
  TraceMetrics metrics_{&registry_};
  TracingOptions options_;
  SpanExporter::Retries retries_;
  std::unique_ptr<SpanExporter> exporter_;
};

TEST_F(SpanExporterTest, SpansArriveAsOtlpOverHttp) {
  const TestCollector collector;
  options_.collector.headers = {"Authorization: Bearer x"};
  Start(collector.Endpoint());
  Add(1);
  collector.AwaitSpans(1);
  ASSERT_THAT(collector.spans(), SizeIs(1));
  EXPECT_EQ(collector.spans()[0].name(), "span 0");
  EXPECT_EQ(AttributeOf(collector.resources()[0], "service.name"), "crispd");
  const CollectorRequest request = collector.requests()[0];
  EXPECT_EQ(request.line, "POST /v1/traces HTTP/1.1");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-protobuf");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer x");
  EXPECT_TRUE(MetricsHave("crisp_trace_spans_sent_total 1\n"));
}

TEST_F(SpanExporterTest, ABatchIsSentAsSoonAsItIsFull) {
  const TestCollector collector;
  options_.delay = std::chrono::hours(1);
  options_.batch_size = 10;
  Start(collector.Endpoint());
  Add(25);
  collector.AwaitSpans(20);
  EXPECT_THAT(collector.requests(), SizeIs(2));
  exporter_.reset();
  EXPECT_THAT(collector.spans(), SizeIs(25)) << "the end sends what is left";
}

TEST_F(SpanExporterTest, NoProxyStandsBeforeACollectorOnLoopback) {
  const TestCollector collector;
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  Start(collector.Endpoint());
  unsetenv("http_proxy");
  Add(1);
  collector.AwaitSpans(1);
  EXPECT_THAT(collector.spans(), SizeIs(1));
}

TEST_F(SpanExporterTest, ABatchIsTriedAgainWhenTheCollectorSaysSo) {
  const CapturedLog log;
  const TestCollector collector([](int number) {
    static constexpr int kStatuses[] = {429, 502, 503, 504, 200};
    return CollectorReply{.status = kStatuses[number - 1]};
  });
  Start(collector.Endpoint());
  Add(3);
  collector.AwaitSpans(3);
  EXPECT_THAT(collector.requests(), SizeIs(5));
  EXPECT_TRUE(MetricsHave("crisp_trace_spans_sent_total 3\n"));
  exporter_.reset();
  EXPECT_EQ(log.Text(), "") << "nothing was lost";
}

TEST_F(SpanExporterTest, TheCollectorsWishToWaitIsHeeded) {
  retries_.give_up = milliseconds(500);
  const TestCollector collector([](int) { return CollectorReply{.status = 429, .header = "Retry-After: 60"}; });
  Start(collector.Endpoint());
  Add(1);
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="unreachable"} 1)"));
  EXPECT_THAT(collector.requests(), SizeIs(1));
}

TEST_F(SpanExporterTest, ARefusalDropsTheBatchAndIsLoggedOnceUntilItIsOver) {
  const CapturedLog log;
  const TestCollector collector([](int number) { return CollectorReply{.status = number <= 2 ? 500 : 200}; });
  Start(collector.Endpoint());
  Add(2);
  collector.AwaitRequests(1);
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="refused"} 2)"));
  Add(1);
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="refused"} 3)"));
  Add(1);
  EXPECT_TRUE(MetricsHave("crisp_trace_spans_sent_total 1\n"));
  exporter_.reset();
  const std::string text = log.Text();
  EXPECT_THAT(text, HasSubstr("/v1/traces error=\"HTTP status 500\""));
  EXPECT_THAT(text, HasSubstr("traces are sent again spans_lost=3"));
  EXPECT_EQ(text.find("HTTP status 500"), text.rfind("HTTP status 500"));
}

TEST_F(SpanExporterTest, SpansThatTheCollectorRejectsAreCounted) {
  otlp::ExportTraceServiceResponse response;
  response.mutable_partial_success()->set_rejected_spans(2);
  response.mutable_partial_success()->set_error_message("too old");
  const TestCollector collector([body = response.SerializeAsString()](int) { return CollectorReply{.body = body}; });
  Start(collector.Endpoint());
  Add(3);
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="refused"} 2)"));
  EXPECT_TRUE(MetricsHave("crisp_trace_spans_sent_total 1\n"));
}

TEST_F(SpanExporterTest, ACollectorThatIsNotThereCostsSpansOnly) {
  const CapturedLog log;
  std::string gone;
  { gone = TestCollector().Endpoint(); }
  retries_.give_up = milliseconds(50);
  Start(gone);
  Add(1);
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="unreachable"} 1)"));
  exporter_.reset();
  EXPECT_THAT(log.Text(), AllOf(HasSubstr("traces are not sent"), HasSubstr("onnect"), HasSubstr(gone)));
}

TEST_F(SpanExporterTest, ACollectorThatHangsCostsSpansOnlyAndHoldsNoEndUp) {
  options_.queue_size = 20;
  options_.batch_size = 10;
  const TestCollector collector([](int) { return CollectorReply{.hang = true}; });
  Start(collector.Endpoint());
  Add(10);
  collector.AwaitRequests(1);
  const MonoTime before = MonoClock::now();
  Add(100000);
  EXPECT_LT(MonoClock::now() - before, std::chrono::seconds(10)) << "no span waits for the collector";
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="queue_full"} 99980)"));
  const MonoTime end = MonoClock::now();
  exporter_.reset();
  EXPECT_LT(MonoClock::now() - end, std::chrono::seconds(5)) << "a request may last ten";
  EXPECT_THAT(Metrics(), HasSubstr(R"(crisp_trace_spans_dropped_total{reason="unreachable"} 30)"));
}

TEST_F(SpanExporterTest, ARequestThatIsNotAnsweredIsGivenUp) {
  options_.collector.timeout = milliseconds(50);
  const TestCollector collector([](int number) { return CollectorReply{.hang = number == 1}; });
  Start(collector.Endpoint());
  Add(1);
  collector.AwaitSpans(1);
  EXPECT_THAT(collector.requests(), SizeIs(2));
}

TEST_F(SpanExporterTest, AnHttpsEndpointMustSpeakTls) {
  const CapturedLog log;
  const TestCollector collector;
  retries_.give_up = milliseconds(50);
  Start("https" + collector.Endpoint().substr(4));
  Add(1);
  EXPECT_TRUE(MetricsHave(R"(crisp_trace_spans_dropped_total{reason="unreachable"} 1)"));
  exporter_.reset();
  EXPECT_THAT(log.Text(), HasSubstr("SSL"));
}

}  // namespace
}  // namespace crisp
