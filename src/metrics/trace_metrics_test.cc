#include "metrics/trace_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace crisp {
namespace {

using testing::HasSubstr;

TEST(TraceMetricsTest, SpansAreCountedByWhatBecomesOfThem) {
  prometheus::Registry registry;
  TraceMetrics metrics(&registry);
  metrics.Sent(3);
  metrics.Dropped(SpanLoss::kQueueFull, 2);
  metrics.Dropped(SpanLoss::kRefused, 1);
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_THAT(text, HasSubstr("crisp_trace_spans_sent_total 3"));
  EXPECT_THAT(text, HasSubstr(R"(crisp_trace_spans_dropped_total{reason="queue_full"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(crisp_trace_spans_dropped_total{reason="refused"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(crisp_trace_spans_dropped_total{reason="unreachable"} 0)"));
}

}  // namespace
}  // namespace crisp
