// The dashboard and the alerts of deploy/prometheus, before a real Prometheus that scrapes a crispd at work.
#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "e2e/http.h"
#include "e2e/prometheus.h"
#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

using nlohmann::json;

// As Grafana substitutes them where all nodes are chosen; the interval is four scrapes.
std::string WithVariables(std::string expression) {
  expression = std::regex_replace(expression, std::regex(R"(\$node)"), ".*");
  return std::regex_replace(expression, std::regex(R"(\$__rate_interval)"), "4s");
}

// The dashboard's queries, by their place in it.
std::map<std::string, std::string> Queries() {
  std::map<std::string, std::string> queries;
  const json dashboard = json::parse(ReadFile(CRISP_DEPLOY_PROMETHEUS "/crisp.dashboard.json"));
  std::string row;
  for (const json& panel : dashboard.at("panels")) {
    if (panel.at("type") == "row") {
      row = panel.at("title").get<std::string>();
      continue;
    }
    for (const json& target : panel.at("targets")) {
      const std::string place = row + " / " + panel.at("title").get<std::string>();
      queries[place + " / " + target.at("refId").get<std::string>()] =
          WithVariables(target.at("expr").get<std::string>());
    }
  }
  return queries;
}

// Metrics that an expression names.
std::vector<std::string> MetricsIn(const std::string& expression) {
  static const std::regex kMetric(R"(\b((crisp|container|grpc_server|process)_[a-z0-9_]+|up\b)(?=[\[{\s)]|$))");
  std::vector<std::string> names;
  for (std::sregex_iterator it(expression.begin(), expression.end(), kMetric), end; it != end; ++it) {
    names.push_back((*it)[1]);
  }
  return names;
}

class DashboardTest : public StreamTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    directory_ = machine.directory + "/prometheus";
    NodeOptions options;
    options.extra_toml = "[metrics]\naddress = \"127.0.0.1:1338\"\ngrpc_histogram = true\n";
    return options;
  }
  void Begin() override {
    node().WriteCniConfig(kBridge);
    StreamTest::Begin();
  }

  // Some of everything that crispd counts, also what goes wrong.
  void Work() {
    const PodRef pod = RunPod("work");
    const std::string container = Start(pod, ContainerOf("work", "while :; do echo line; sleep 0.2; done"));
    Sh(container, "head -c 100000 /dev/zero >/file");
    Spdy exec(ExecUrl("cat"));
    exec.client->Send(exec.input, "some input\n", false);
    exec.ReadUntilOutput("some input");
    Must(cri().Pull(kBig));
    EXPECT_FALSE(cri().Pull("docker.io/library/no-such-image:1").ok());
    EXPECT_FALSE(cri().ContainerStatus("unknown").ok());
    RunToEnd(pod, ContainerOf("fails", "exit 3"));
    FailNetwork();
    Must(cri().RemoveImage(kBig));
    Must(cri().StopPod(pod.id));
    Must(cri().RemovePod(pod.id));
  }

  void WhileAPodIsMade(const std::function<void()>& body) {
    node().wrappers().Stall("ADD");
    auto run = std::async(std::launch::async, [this] { return cri().RunPod(PodConfig("slow")); });
    node().wrappers().WaitForStalled("ADD");
    body();
    node().wrappers().Release("ADD");
    const std::string id = Must(run.get()).pod_sandbox_id();
    Must(cri().StopPod(id));
    Must(cri().RemovePod(id));
  }

  std::string directory_;

 private:
  void FailNetwork() {
    node().wrappers().Fail("ADD", R"({"cniVersion": "0.4.0", "code": 11, "msg": "no addresses are left"})", 1);
    EXPECT_FALSE(cri().RunPod(PodConfig("no-network")).ok());
    node().wrappers().Release("ADD");
  }
};

// Works until each query has given a series once: some of them look at the last few seconds only.
TEST_F(DashboardTest, EveryQueryGivesSeries) {
  const Prometheus prometheus(directory_);
  Main();
  grpc::ClientContext context;
  const auto subscription = cri().runtime().GetContainerEvents(&context, cri::GetEventsRequest());
  subscription->WaitForInitialMetadata();
  std::map<std::string, std::string> left = Queries();
  ASSERT_THAT(left, SizeIs(testing::Gt(50u)));
  for (const auto& [place, query] : left) EXPECT_THAT(query, Not(HasSubstr("$"))) << place;
  Eventually(
      [&] {
        Work();
        WhileAPodIsMade([&] {
          Eventually([&] { return prometheus.CountSeries("crisp_operations_in_flight") > 0; });
          std::erase_if(left, [&](const auto& item) { return prometheus.CountSeries(item.second) > 0; });
        });
        return left.empty();
      },
      std::chrono::seconds(20));
  for (const auto& [place, query] : left) ADD_FAILURE() << place << ": " << query;
}

TEST_F(DashboardTest, TheAlertsAreAboutMetricsThatAreThere) {
  const Prometheus prometheus(directory_);
  Work();
  std::vector<std::string> there;
  const auto missing = [&] {
    there = prometheus.MetricNames();
    std::vector<std::string> names;
    for (const std::string& alert : prometheus.AlertExpressions()) {
      for (const std::string& name : MetricsIn(alert)) {
        if (std::find(there.begin(), there.end(), name) == there.end()) names.push_back(name);
      }
    }
    return names;
  };
  EXPECT_THAT(prometheus.AlertExpressions(), SizeIs(testing::Gt(10u)));
  Eventually([&] { return missing().empty(); });
  EXPECT_THAT(missing(), IsEmpty());
}

}  // namespace
}  // namespace crisp::e2e
