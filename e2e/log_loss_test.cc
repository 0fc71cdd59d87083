// Logs on a file system that is full: the container goes on, and what its log lacks is counted wherever one looks.
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "e2e/cri_log.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr char kLost[] = "the container's log cannot be written; its output is lost until it can";
constexpr char kWritten[] = "the container's log can be written again; it says how much output was lost";

class LogLossTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.crisp_toml = "log_wait = \"1s\"\n";
    return options;
  }
  void Begin() override {
    pod_ = RunPod("full");
    ASSERT_EQ(mount("tmpfs", directory().c_str(), "tmpfs", 0, "size=64k"), 0);
  }
  void TearDown() override {
    if (!pod_.id.empty()) {
      RemoveAllPods();
      EXPECT_EQ(umount2(directory().c_str(), 0), 0) << "the shim keeps the log's file system";
    }
    NodeTest::TearDown();
  }

  std::string directory() const { return pod_.config.log_directory(); }
  void MakeRoom() { ASSERT_EQ(mount("tmpfs", directory().c_str(), "tmpfs", MS_REMOUNT, "size=32m"), 0); }
  bool Logged(const std::string& message, const LogValues& fields) {
    return Eventually([&] { return ::testing::Matches(Contains(IsLogRecord(message, fields)))(node().LogRecords()); });
  }
  // Metrics of the pod's one container.
  std::map<std::string, uint64_t> Metrics() {
    const auto answer = Must(cri().Call(&Runtime::ListPodSandboxMetrics, cri::ListPodSandboxMetricsRequest()));
    std::map<std::string, uint64_t> metrics;
    for (const cri::Metric& metric : answer.pod_metrics(0).container_metrics(0).metrics()) {
      metrics[metric.name()] = metric.value().value();
    }
    return metrics;
  }

  PodRef pod_;
};

TEST_F(LogLossTest, IsInTheLogTheMetricsAndTheDaemonsLog) {
  const std::string id = Start(pod_, ContainerOf("loud",
                                                 "seq 1 50000; touch /done; while [ ! -e /on ]; do sleep 0.1; "
                                                 "done; echo after; sleep 100000"));
  WaitFor("the container to go on", std::chrono::seconds(20),
          [&] { return Sh(id, "ls /").find("done") != std::string::npos; });
  EXPECT_TRUE(Logged(kLost, {{"pod", "full"},
                             {"container", "loud"},
                             {"container_id", id},
                             {"log_path", pod_.LogPath("loud")},
                             {"error", "No space left on device"}}));
  node().Restart();
  const auto said = [&] {
    const std::vector<LogRecord> records = node().LogRecords();
    return std::count_if(records.begin(), records.end(), [](const auto& record) { return record.message == kLost; });
  };
  EXPECT_TRUE(Eventually([&] { return said() == 2; })) << "the next daemon says it too";
  EXPECT_GT(Metrics()["container_log_lost_lines_total"], 1000u) << "an earlier daemon has seen them lost";
  MakeRoom();
  ASSERT_TRUE(Logged(kWritten, {{"pod", "full"}, {"container", "loud"}, {"container_id", id}}));
  Sh(id, "touch /on");
  WaitFor("the last line", std::chrono::seconds(10),
          [&] { return ReadFile(pod_.LogPath("loud")).find("stdout F after\n") != std::string::npos; });

  std::string lost;
  uint64_t written = 0;
  for (const LogLine& line : ParseLog(ReadFile(pod_.LogPath("loud")))) {
    const bool is_note = line.text.rfind("[crisp] ", 0) == 0;
    if (is_note) lost += line.text;
    if (!is_note) written += line.text.size() + 1;
  }
  std::map<std::string, uint64_t> metrics = Metrics();
  const std::string bytes = std::to_string(metrics["container_log_lost_bytes_total"]);
  const std::string lines = std::to_string(metrics["container_log_lost_lines_total"]);
  EXPECT_EQ(lost, "[crisp] lost " + bytes + " bytes, " + lines +
                      " lines of stdout: the log could not be written: No space left on device");
  EXPECT_TRUE(Logged(kWritten, {{"lost_bytes", bytes}, {"lost_lines", lines}}));
  uint64_t wrote = std::string("after\n").size();
  for (int i = 1; i <= 50000; ++i) wrote += std::to_string(i).size() + 1;
  EXPECT_EQ(written + metrics["container_log_lost_bytes_total"], wrote);
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
}

TEST_F(LogLossTest, AContainerEndsAndIsRemovedWhileItsLogIsFull) {
  const cri::ContainerStatus status = RunToEnd(pod_, ContainerOf("loud", "seq 1 50000; exit 9"));
  EXPECT_EQ(status.exit_code(), 9);
  Must(cri().RemoveContainer(status.id()));
}

TEST_F(LogLossTest, AReopenMakesTheDirectoryThatWasRemoved) {
  MakeRoom();
  cri::ContainerConfig config = ContainerOf("main", "while [ ! -e /on ]; do sleep 0.1; done; echo after; sleep 100000");
  config.set_log_path("main/0.log");
  const std::string path = directory() + "/main/0.log";
  std::filesystem::create_directory(directory() + "/main");
  const std::string id = Start(pod_, config);
  std::filesystem::remove_all(directory() + "/main");
  Must(cri().ReopenLog(id));
  Sh(id, "touch /on");
  WaitFor("the line", std::chrono::seconds(10),
          [&] { return ReadFile(path).find("stdout F after\n") != std::string::npos; });
}

}  // namespace
}  // namespace crisp::e2e
