// What a scrape of a full node takes: 200 pods with two containers each, with real cgroups, processes and interfaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "stats/sampler.h"
#include "stats/stats.h"
#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

constexpr int kPods = 200;
constexpr int kContainers = 2;  // a pod
constexpr int kScrapes = 5;

double ThreadMillis() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

class MetricLoadTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    root_ = *ContainerCgroups(parent_, false);
    for (int i = 0; i < kPods; ++i) AddPod(absl::StrCat("web-frontend-7d9f8b6c5-", i));
  }
  void TearDown() override {
    for (const pid_t pid : children_) kill(pid, SIGKILL);
    for (const pid_t pid : children_) waitpid(pid, nullptr, 0);
    EXPECT_EQ(RemoveCgroups(root_), absl::OkStatus());
  }

  void AddPod(const std::string& name) {
    const PodPtr pod = made_.AddPod(name);
    pod->UpdateRecord([&](PodRecord* record) {
      record->mutable_config()->mutable_metadata()->set_namespace_("production");
      record->set_cgroups_path(absl::StrCat(parent_, "/", name, "/pause"));
      record->set_netns_path("/proc/self/ns/net");
    });
    for (int i = 0; i < kContainers; ++i) AddContainer(pod, absl::StrCat(name, "-container-", i));
  }

  void AddContainer(const PodPtr& pod, const std::string& id) {
    const std::string path = absl::StrCat(parent_, "/", pod->id(), "/", id);
    const pid_t pid = StartIn(*ContainerCgroups(path, false));
    made_.AddContainer(pod, id, 1, Container::State::kRunning, pid)->UpdateRecord([&](ContainerRecord* record) {
      record->set_cgroups_path(path);
      record->mutable_config()->mutable_image()->set_user_specified_image("registry.example.org/team/service:v1.2.3");
    });
    ASSERT_TRUE(MakeDirs(layout_.Upper(id), 0755).ok());
  }

  // Whether a scrape reads anything there. The other hierarchies would make the test slower, and nothing else.
  static bool IsRead(const cgroup::Dir& dir) {
    constexpr const char* kRead[] = {"cpu", "cpuacct", "memory", "pids", "blkio"};
    return dir.v2 || std::any_of(std::begin(kRead), std::end(kRead), [&](const char* name) { return dir.Has(name); });
  }

  // A process that sleeps in those of these cgroups that are read.
  pid_t StartIn(const cgroup::Dirs& dirs) {
    const pid_t pid = fork();
    if (pid == 0) {
      for (;;) pause();
    }
    children_.push_back(pid);
    for (const cgroup::Dir& dir : dirs) {
      if (!IsRead(dir)) continue;
      EXPECT_TRUE(MakeDirs(dir.path, 0755).ok());
      EXPECT_TRUE(WriteFileAt(AT_FDCWD, dir.path + "/cgroup.procs", absl::StrCat(pid), 0).ok()) << dir.path;
    }
    return pid;
  }

  const std::string parent_ = absl::StrCat("/crisp-load-test-", getpid());
  const TestDir dir_;
  const Layout layout_{dir_.Path("root"), dir_.Path("state"), true};
  cgroup::Dirs root_;
  std::vector<pid_t> children_;
  MadePods made_;
  Sampler sampler_{made_.table(), layout_, /*first_wait=*/std::chrono::seconds(20)};
};

TEST_F(MetricLoadTest, AScrapeOfAFullNodeIsFastAndOfBoundedSize) {
  const Stats stats(layout_, made_.table(), &sampler_);
  std::string text;
  stats.AppendPodMetricText(&text);  // opens the files
  std::vector<double> millis;
  for (int i = 0; i < kScrapes; ++i) {
    const double begun = ThreadMillis();
    text.clear();
    stats.AppendPodMetricText(&text);
    millis.push_back(ThreadMillis() - begun);
  }
  std::sort(millis.begin(), millis.end());
  const auto series = std::count(text.begin(), text.end(), '\n');
  std::printf("%d pods with %d containers: %td lines, %zu bytes, median %.1f ms of CPU\n", kPods, kContainers, series,
              text.size(), millis[kScrapes / 2]);
  EXPECT_THAT(text, testing::HasSubstr("container_fs_usage_bytes{"));
  EXPECT_GT(series, kPods * kContainers * 40);
  EXPECT_LT(text.size(), 8u << 20);
  EXPECT_LT(millis[0], 500) << "a build without optimization and with sanitizers takes about that";
}

}  // namespace
}  // namespace crisp
