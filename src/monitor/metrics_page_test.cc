#include "monitor/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include "monitor/read_values.h"

namespace crisp {
namespace {

class Fixed final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family = Family("crisp_pods", "Pods.", prometheus::MetricType::Gauge);
    AddValue(&family, 2, {{"state", "a \"b\"\n"}});
    return {family};
  }
};

TEST(MetricsPageTest, AllSourcesAreInTheTextFormat) {
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("calls_total").Help("Calls.").Register(*registry).Add({}).Increment();
  const HttpPage page = MetricsPage({registry, std::make_shared<Fixed>()});
  const HttpAnswer answer = page();
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.body,
            "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total 1\n"
            "# HELP crisp_pods Pods.\n# TYPE crisp_pods gauge\ncrisp_pods{state=\"a \\\"b\\\"\\n\"} 2\n");
}

TEST(MetricsPageTest, TextIsAppended) {
  const HttpPage page = MetricsPage({}, [](std::string* text) { text->append("more 1\n"); });
  EXPECT_EQ(page().body, "more 1\n");
  EXPECT_EQ(page().body, "more 1\n") << "as often as it is asked for";
}

}  // namespace
}  // namespace crisp
