#include "stats/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/testing/wait.h"
#include "os/mount.h"
#include "os/netns.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "stats/testing/busy_cgroup.h"
#include "stats/testing/stats_node.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kMemory = 8 << 20;

class StatsTest : public StatsNode {
 protected:
  void SetUp() override {
    StatsNode::SetUp();
    if (!IsSkipped()) stats_ = std::make_unique<Stats>(node_->layout(), &node_->table(), sampler_.get());
  }

  std::vector<std::string> ListedContainers(const cri::ContainerStatsFilter& filter) const {
    std::vector<std::string> names;
    for (const cri::ContainerStats& one : stats_->ListContainers(filter))
      names.push_back(one.attributes().metadata().name());
    return names;
  }
  std::vector<std::string> ListedPods(const cri::PodSandboxStatsFilter& filter) const {
    std::vector<std::string> names;
    for (const cri::PodSandboxStats& one : stats_->ListPods(filter))
      names.push_back(one.attributes().metadata().name());
    return names;
  }

  std::unique_ptr<Stats> stats_;
};

TEST_F(StatsTest, ARunningContainerShowsWhatItUsesAndWhoItIs) {
  cri::CreateContainerRequest request = node_->ContainerRequest(RunPod());
  (*request.mutable_config()->mutable_labels())["role"] = "main";
  (*request.mutable_config()->mutable_annotations())["note"] = "text";
  const std::string id = RunContainer(request);
  const BusyCgroup busy(CgroupOf(id), kMemory);
  const auto stats = stats_->OfContainer(id.substr(0, 13));
  ASSERT_EQ(stats.status(), absl::OkStatus());
  EXPECT_EQ(stats->attributes().id(), id) << "the whole id, also of a prefix";
  EXPECT_EQ(stats->attributes().metadata().name(), "app");
  EXPECT_EQ(stats->attributes().labels().at("role"), "main");
  EXPECT_EQ(stats->attributes().annotations().at("note"), "text");
  EXPECT_GT(stats->cpu().timestamp(), 0);
  EXPECT_GT(stats->cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_EQ(stats->has_memory(), busy.counts_memory());
  if (busy.counts_memory()) {
    EXPECT_GE(stats->memory().working_set_bytes().value(), static_cast<uint64_t>(kMemory));
  }
  EXPECT_FALSE(stats->writable_layer().fs_id().mountpoint().empty());
  EXPECT_EQ(stats->writable_layer().inodes_used().value(), 1u);
}

TEST_F(StatsTest, AContainerThatHasExitedShowsItsLayerAndNoUsage) {
  const std::string id = RunContainer(RunPod());
  node_->shims().Exit(id, 1);
  const auto stats = stats_->OfContainer(id);
  ASSERT_EQ(stats.status(), absl::OkStatus());
  EXPECT_EQ(stats->attributes().id(), id);
  EXPECT_FALSE(stats->has_cpu());
  EXPECT_FALSE(stats->has_memory());
  EXPECT_TRUE(stats->has_writable_layer());
  EXPECT_THAT(stats_->ListContainers({}), IsEmpty()) << "lists have what runs";
}

TEST_F(StatsTest, WhatIsGoneIsNotFound) {
  const std::string pod = RunPod();
  const std::string id = RunContainer(pod);
  ASSERT_EQ(stats_->OfContainer(id).status(), absl::OkStatus());
  ASSERT_EQ(node_->pods().RemoveContainer(id, InTime()), absl::OkStatus());
  EXPECT_EQ(stats_->OfContainer(id).status().code(), absl::StatusCode::kNotFound);
  ASSERT_EQ(node_->pods().StopPod(pod, InTime()), absl::OkStatus());
  ASSERT_EQ(node_->pods().RemovePod(pod, InTime()), absl::OkStatus());
  EXPECT_EQ(stats_->OfPod(pod).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StatsTest, ContainersAreListedByPodPrefixAndLabels) {
  const std::string web = RunPod("web");
  const std::string id = RunContainer(web, "a");
  cri::CreateContainerRequest labelled = node_->ContainerRequest(RunPod("db"), "b");
  (*labelled.mutable_config()->mutable_labels())["role"] = "side";
  RunContainer(labelled);
  cri::ContainerStatsFilter filter;
  EXPECT_THAT(ListedContainers(filter), ElementsAre("a", "b"));
  filter.set_pod_sandbox_id(web.substr(0, 20));
  EXPECT_THAT(ListedContainers(filter), ElementsAre("a"));
  (*filter.mutable_label_selector())["role"] = "side";
  EXPECT_THAT(ListedContainers(filter), IsEmpty());
  filter.clear_pod_sandbox_id();
  EXPECT_THAT(ListedContainers(filter), ElementsAre("b"));
  filter.set_id(id);
  EXPECT_THAT(ListedContainers(filter), IsEmpty());
}

TEST_F(StatsTest, PodsThatAreReadyAreListedByPrefixAndLabels) {
  const std::string web = RunPod("web");
  cri::RunPodSandboxRequest labelled = node_->PodRequest("db");
  (*labelled.mutable_config()->mutable_labels())["app"] = "db";
  Run(labelled);
  ASSERT_EQ(node_->pods().StopPod(RunPod("stopped"), InTime()), absl::OkStatus());
  cri::PodSandboxStatsFilter filter;
  EXPECT_THAT(ListedPods(filter), ElementsAre("web", "db"));
  filter.set_id(web.substr(0, 20));
  EXPECT_THAT(ListedPods(filter), ElementsAre("web"));
  (*filter.mutable_label_selector())["app"] = "db";
  EXPECT_THAT(ListedPods(filter), IsEmpty());
  filter.clear_id();
  EXPECT_THAT(ListedPods(filter), ElementsAre("db"));
}

TEST_F(StatsTest, APodShowsItsUsageItsContainersAndItsNetwork) {
  const std::string pod = RunPod();
  const std::string id = RunContainer(pod);
  *node_->CreateContainer(pod, "never-started");
  const BusyCgroup busy(CgroupOf(id), kMemory);
  ASSERT_EQ(RunInNetns(FindPod(pod)->record().netns_path(),
                       [] {
                         const bool made = system("ip link add eth0 type veth peer name eth1") == 0;
                         return made ? absl::OkStatus() : absl::InternalError("ip link add");
                       }),
            absl::OkStatus());
  const auto stats = stats_->OfPod(pod);
  ASSERT_EQ(stats.status(), absl::OkStatus());
  EXPECT_EQ(stats->attributes().id(), pod);
  EXPECT_EQ(stats->attributes().metadata().name(), "web");
  const cri::LinuxPodSandboxStats& linux_stats = stats->linux();
  EXPECT_GT(linux_stats.cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_EQ(linux_stats.network().default_interface().name(), "eth0");
  ASSERT_EQ(linux_stats.network().interfaces_size(), 1) << "eth1, without the loopback";
  EXPECT_EQ(linux_stats.network().interfaces(0).name(), "eth1");
  if (busy.counts_tasks()) {
    EXPECT_GE(linux_stats.process().process_count().value(), 1u);
  }
  ASSERT_EQ(linux_stats.containers_size(), 1);
  EXPECT_EQ(linux_stats.containers(0).attributes().id(), id);
  EXPECT_GT(linux_stats.containers(0).cpu().usage_core_nano_seconds().value(), 0u);
}

TEST_F(StatsTest, AStoppedPodShowsWhoItIsOnly) {
  const std::string pod = RunPod();
  RunContainer(pod);
  ASSERT_EQ(node_->pods().StopPod(pod, InTime()), absl::OkStatus());
  const auto stats = stats_->OfPod(pod);
  ASSERT_EQ(stats.status(), absl::OkStatus());
  EXPECT_EQ(stats->attributes().metadata().name(), "web");
  EXPECT_FALSE(stats->linux().has_cpu());
  EXPECT_FALSE(stats->linux().has_network());
  EXPECT_EQ(stats->linux().containers_size(), 0);
}

TEST_F(StatsTest, TheWritableLayersAreThoseOfAllContainers) {
  const std::string pod = RunPod();
  RunContainer(pod, "a");
  RunContainer(pod, "b");
  ASSERT_TRUE(Eventually([this] { return stats_->WritableLayers().inodes_used().value() == 2; }));
}

// Kubelets before 1.32 compare the path with that of the images.
TEST_F(StatsTest, OneDeviceHasOnePathAndTwoHaveTwo) {
  const Layout& layout = node_->layout();
  const std::string id = RunContainer(RunPod());
  ASSERT_EQ(MakeDirs(layout.Layers(), 0700), absl::OkStatus());
  const auto path = [&] { return stats_->WritableLayers().fs_id().mountpoint(); };
  EXPECT_EQ(path(), layout.Layers());
  EXPECT_EQ(stats_->OfContainer(id)->writable_layer().fs_id().mountpoint(), layout.Layers());
  ASSERT_EQ(MountTmpfs(layout.Layers(), "1m", "0700"), absl::OkStatus());
  EXPECT_EQ(path(), layout.Containers());
  ASSERT_EQ(Unmount(layout.Layers()), absl::OkStatus());
  EXPECT_EQ(path(), layout.Layers());
}

TEST_F(StatsTest, MetricsAreOfThePodsThatAreReady) {
  const std::string pod = RunPod("web");
  const std::string id = RunContainer(pod);
  ASSERT_EQ(node_->pods().StopPod(RunPod("stopped"), InTime()), absl::OkStatus());
  const std::vector<cri::PodSandboxMetrics> metrics = stats_->ListPodMetrics();
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics[0].pod_sandbox_id(), pod);
  ASSERT_EQ(metrics[0].container_metrics_size(), 1);
  EXPECT_EQ(metrics[0].container_metrics(0).container_id(), id);
}

}  // namespace
}  // namespace crisp
