// What it costs to look into crispd: an ExecSync and memory with nothing of it, with metrics that are scraped each
// second, and with every call traced. Printed, not judged; part of e2e_figures: --gtest_filter='MonitoringFigures.*'
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <thread>

#include "e2e/figure_tools.h"
#include "e2e/fixture.h"
#include "e2e/http.h"
#include "tracing/testing/test_collector.h"

namespace crisp::e2e {
namespace {

constexpr char kDebugTable[] = "[debug]\n";
constexpr char kMetricsSocket[] = "/run/e2e/metrics.sock";
constexpr int kRounds = 10;
constexpr int kExecs = 60;  // a round
constexpr int kPods = 20;

class MonitoringFigures : public NodeTest {
 protected:
  // The way of looking is exchanged by turns, so that whatever else the machine does meets all of them.
  struct Way {
    const char* name;
    std::string toml;
    std::string debug{};
    bool scraped = false;
    std::vector<double> millis{};
    std::vector<double> pss{};
  };

  void Begin() override { config_ = ReadFile(node().paths().config_file()); }

  // `debug` comes into the table [debug], which the node's own configuration has.
  void RestartWith(const std::string& toml, const std::string& debug = "") {
    std::string config = config_;
    config.insert(config.find(kDebugTable) + std::string(kDebugTable).size(), debug);
    std::ofstream(node().paths().config_file()) << config << toml;
    node().Restart();
  }

  void Measure(const std::string& container, Way* way) {
    RestartWith(way->toml, way->debug);
    std::atomic<bool> ended = false;
    std::thread scraper([&] {
      while (way->scraped && !ended) {
        FetchFromSocket(kMetricsSocket, "/metrics");
        std::this_thread::sleep_for(std::chrono::seconds(1));
      }
    });
    for (int i = 0; i < 5; ++i) Must(cri().Exec(container, {"/bin/true"}));
    for (int i = 0; i < kExecs; ++i) {
      way->millis.push_back(MillisOf([&] { Must(cri().Exec(container, {"/bin/true"})); }));
    }
    ended = true;
    scraper.join();
    way->pss.push_back(static_cast<double>(PssOf(node().pid())));
  }

  std::string config_;
  TestCollector collector_;
};

TEST_F(MonitoringFigures, ExecSyncAndMemory) {
  std::string container;
  for (int i = 0; i < kPods; ++i) {
    container = Start(RunPod("figures-" + std::to_string(i)), ContainerOf("main", "sleep 1000"));
  }
  const std::string metrics =
      "\n[metrics]\naddress = 'unix://" + std::string(kMetricsSocket) + "'\ngrpc_histogram = true\n";
  const std::string tracing = "\n[plugins.'io.containerd.tracing.processor.v1.otlp']\nendpoint = '" +
                              collector_.Endpoint() +
                              "'\n[plugins.'io.containerd.internal.v1.tracing']\nsampling_ratio = 1.0\n";
  Way ways[] = {{"nothing", ""},
                {"metrics, scraped each second", metrics, "", true},
                {"debug.address", "", "address = '/run/e2e/debug.sock'\n"},
                {"all calls traced", tracing}};
  for (int i = 0; i < kRounds; ++i) {
    for (Way& way : ways) Measure(container, &way);
  }
  for (const Way& way : ways) {
    printf("%-30s ExecSync median %7.3f ms of %zu   PSS of crispd with %d pods median %6.0f KiB\n", way.name,
           Median(way.millis), way.millis.size(), kPods, Median(way.pss));
  }
  RestartWith("");
}

}  // namespace
}  // namespace crisp::e2e
