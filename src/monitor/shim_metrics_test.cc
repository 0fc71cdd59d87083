#include "monitor/shim_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "base/testing/wait.h"

namespace crisp {
namespace {

pid_t Spawn(const std::string& script) {
  std::string shell = "/bin/sh", flag = "-c", text = script;
  char* args[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, args[0], nullptr, nullptr, args, environ), 0);
  return pid;
}

void End(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

class ShimMetricsTest : public testing::Test {
 protected:
  ~ShimMetricsTest() override {
    for (const pid_t pid : pids_) End(pid);
  }
  std::map<std::string, double> Values() const {
    std::map<std::string, double> values;
    for (const prometheus::MetricFamily& family : metrics_.Collect()) {
      const prometheus::ClientMetric& metric = family.metric.at(0);
      values[family.name] = family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
    }
    return values;
  }
  double Cpu() const { return Values().at("crisp_shims_cpu_seconds_total"); }

  std::vector<pid_t> pids_;
  const ShimMetrics metrics_{[this] { return pids_; }};
};

TEST_F(ShimMetricsTest, WithoutShimsAllIsZero) {
  for (const auto& [name, value] : Values()) EXPECT_EQ(value, 0) << name;
}

TEST_F(ShimMetricsTest, TheyAreSummedUp) {
  const pid_t first = Spawn("exec sleep 1000");
  const pid_t second = Spawn("exec sleep 1000 7</dev/null 8</dev/null");
  pids_ = {first, second};
  EXPECT_EQ(Values().at("crisp_shims"), 2);
  EXPECT_EQ(Values().at("crisp_shims_threads"), 2);
  EXPECT_TRUE(Eventually([&] {  // both have become sleep
    pids_ = {first};
    const std::map<std::string, double> one = Values();
    pids_ = {first, second};
    const std::map<std::string, double> both = Values();
    return both.at("crisp_shims_open_fds") == 2 * one.at("crisp_shims_open_fds") + 2 &&
           both.at("crisp_shims_resident_memory_bytes") > one.at("crisp_shims_resident_memory_bytes");
  }));
}

TEST_F(ShimMetricsTest, TheTimeOfOneThatHasEndedStays) {
  pids_ = {Spawn("while :; do :; done"), Spawn("exec sleep 1000")};
  ASSERT_TRUE(Eventually([this] { return Cpu() >= 0.05; }));
  End(pids_[0]);
  pids_.erase(pids_.begin());
  const double rest = Cpu();
  EXPECT_GE(rest, 0.05) << "a counter never falls";
  EXPECT_LT(Cpu(), rest + 0.05) << "what was counted is not counted again";
  EXPECT_EQ(Values().at("crisp_shims"), 1);
}

TEST_F(ShimMetricsTest, OneThatIsGoneCountsForNothing) {
  const pid_t pid = Spawn("exit 0");
  waitpid(pid, nullptr, 0);
  const ShimMetrics metrics([pid] { return std::vector<pid_t>{pid}; });
  for (const prometheus::MetricFamily& family : metrics.Collect()) {
    EXPECT_EQ(family.metric.at(0).gauge.value, 0) << family.name;
  }
}

}  // namespace
}  // namespace crisp
