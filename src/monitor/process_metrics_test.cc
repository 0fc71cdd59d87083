#include "monitor/process_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <map>
#include <string>

namespace crisp {
namespace {

std::map<std::string, double> Values() {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : ProcessMetrics().Collect()) {
    const prometheus::ClientMetric& metric = family.metric.at(0);
    values[family.name] = family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  return values;
}

TEST(ProcessMetricsTest, TheyAreThoseOfThisProcess) {
  const std::map<std::string, double> values = Values();
  EXPECT_EQ(values.size(), 8u);
  EXPECT_GE(values.at("process_threads"), 1);
  EXPECT_GT(values.at("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(values.at("process_virtual_memory_bytes"), values.at("process_resident_memory_bytes"));
  // Whoever runs this may have set the clock, but not to before the machine's start.
  EXPECT_GT(values.at("process_start_time_seconds"), 1.6e9);
  EXPECT_LT(values.at("process_start_time_seconds"), static_cast<double>(time(nullptr)) + 2);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(values.at("process_max_fds"), static_cast<double>(limit.rlim_cur));
}

TEST(ProcessMetricsTest, DescriptorsAndTimeGrowWithUse) {
  const std::map<std::string, double> before = Values();
  const int one = dup(0), two = dup(0);
  const clock_t begin = clock();
  while (clock() - begin < CLOCKS_PER_SEC / 10) {
  }
  const std::map<std::string, double> after = Values();
  close(one);
  close(two);
  EXPECT_EQ(after.at("process_open_fds"), before.at("process_open_fds") + 2);
  EXPECT_GE(after.at("process_cpu_seconds_total"), before.at("process_cpu_seconds_total") + 0.08);
}

}  // namespace
}  // namespace crisp
