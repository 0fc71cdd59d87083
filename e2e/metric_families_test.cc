// docs/metrics.md lists what a crispd at work has at metrics.address, no more and no less.
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "e2e/http.h"
#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

struct FamilyFacts {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const FamilyFacts&) const = default;
};
using Families = std::map<std::string, FamilyFacts>;

// For messages of gMock.
void PrintTo(const FamilyFacts& facts, std::ostream* out) {
  *out << facts.type;
  for (const std::string& label : facts.labels) *out << " " << label;
}

std::set<std::string> AllMatches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) found.insert((*it)[1]);
  return found;
}

// The rows "| `name` | type | `label`, … | meaning |".
Families Documented() {
  static const std::regex kRow(R"(\| `(\w+)` \| (\w+) \|([^|]*)\|.*)"), kWord("`(\\w+)`");
  std::ifstream file(CRISP_METRICS_PAGE);
  Families families;
  std::smatch row;
  for (std::string line; std::getline(file, line);) {
    if (std::regex_match(line, row, kRow)) families[row[1]] = {row[2], AllMatches(row[3], kWord)};
  }
  return families;
}

// The series of a histogram belong to its family, and "le" is no label of it. Those of pods and containers are listed
// elsewhere (src/stats/metric_document_test.cc).
Families Scraped(const std::string& text) {
  static const std::regex kType(R"(# TYPE (\w+) (\w+))"), kSeries(R"((\w+)(\{.*\})? \S+)"), kLabel(R"((\w+)=")");
  Families families;
  std::smatch match;
  std::string last;  // the family that a "# TYPE" has begun
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, kType)) {
      last = match[1];
      families[last].type = match[2];
    } else if (!last.empty() && std::regex_match(line, match, kSeries)) {
      std::set<std::string> labels = AllMatches(match[2], kLabel);
      labels.erase("le");
      families[last].labels.merge(labels);
    }
  }
  std::erase_if(families, [](const auto& item) { return item.first.rfind("container_", 0) == 0; });
  return families;
}

class MetricFamiliesTest : public StreamTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.extra_toml =
        "[metrics]\naddress = \"127.0.0.1:1338\"\ngrpc_histogram = true\n"
        "[plugins.\"io.containerd.tracing.processor.v1.otlp\"]\nendpoint = \"http://127.0.0.1:9\"\n";
    return options;
  }
  void Begin() override {
    node().WriteCniConfig(kBridge);
    StreamTest::Begin();
  }

  // The body of the page.
  static std::string Metrics() {
    const std::string answer = Fetch("127.0.0.1", 1338, "/metrics");
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }

  // The page while a RunPodSandbox is at work.
  std::string MetricsAtWork() {
    node().wrappers().Stall("ADD");
    auto run = std::async(std::launch::async, [this] { return cri().RunPod(PodConfig("slow")); });
    node().wrappers().WaitForStalled("ADD");
    std::string text = Metrics();
    node().wrappers().ReleaseAll();
    Must(run.get());
    return text;
  }

  void ExecOverAWebSocket() {
    const auto exec = ChannelClient::Connect(ExecUrl("echo hello; exit 0"), kV5);
    ASSERT_TRUE(exec->ReadUntilClosed());
  }
};

TEST_F(MetricFamiliesTest, AllAreListedWithTheirLabelsAndWhatIsListedIsThere) {
  ExecOverAWebSocket();
  const std::string text = MetricsAtWork();
  EXPECT_THAT(Scraped(text), ::testing::ContainerEq(Documented()));

  const auto has = [&](const std::string& line) { EXPECT_THAT(text, HasSubstr("\n" + line + "\n")); };
  has("crisp_container_starts_total 1");
  has(R"(crisp_cni_seconds_count{command="ADD",plugin="e2e-bridge"} 1)");
  has(R"(crisp_streaming_sessions_total{kind="exec",protocol="v5.channel.k8s.io"} 1)");
  has(R"(crisp_streaming_sent_bytes_total{kind="exec"} 6)");
  has(R"(crisp_image_pulls_total{result="ok"} 2)");
  has("crisp_database_in_memory 0");
  EXPECT_THAT(text, HasSubstr(R"(crisp_operations_in_flight{operation="RunPodSandbox",stage=")"));
  EXPECT_THAT(text, HasSubstr(R"(crisp_registry_requests_total{host="127.0.0.1:5000",code="200"} )"));
  EXPECT_THAT(text, Not(AnyOf(HasSubstr(pod().id), HasSubstr(Main()), HasSubstr("hello"))));
}

TEST_F(MetricFamiliesTest, PrometheusOwnCheckFindsNoFault) {
  constexpr char kPromtool[] = "/usr/bin/promtool";
  if (access(kPromtool, X_OK) != 0) GTEST_SKIP() << "needs promtool, of the package prometheus";
  ExecOverAWebSocket();
  const std::string page = node().paths().directory() + "/metrics.txt";
  std::ofstream(page) << MetricsAtWork();
  EXPECT_NO_THROW(e2e::Run("/bin/sh", {"-c", std::string(kPromtool) + " check metrics < " + page}));
}

TEST_F(MetricFamiliesTest, ExitsAreCountedByReasonAndDeadShimsToo) {
  EXPECT_EQ(RunToEnd(pod(), ContainerOf("fails", "exit 3")).exit_code(), 3);
  const std::string container = Start(pod(), ContainerOf("runs", "sleep 100000"));
  kill(PidByCommand("crisp-shim"), SIGKILL);
  WaitForExit(container);
  const auto has = [](const std::string& line) {
    WaitFor(line, std::chrono::seconds(10), [&] { return Metrics().find("\n" + line + "\n") != std::string::npos; });
  };
  has(R"(crisp_container_exits_total{reason="Error"} 1)");
  has(R"(crisp_container_exits_total{reason="Unknown"} 1)");
  has("crisp_shim_deaths_total 1");
  has("crisp_shims 0");
}

}  // namespace
}  // namespace crisp::e2e
