#include "stats/sampler.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/testing/wait.h"
#include "os/file.h"
#include "os/netns.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "stats/testing/busy_cgroup.h"
#include "stats/testing/stats_node.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;

constexpr int64_t kMemory = 8 << 20;  // of a BusyCgroup

class SamplerTest : public StatsNode {
 protected:
  ContainerSample Sample(const std::string& container_id) { return sampler_->SampleContainer(Find(container_id)); }
  PodSample SamplePod(const std::string& pod_id) { return sampler_->SamplePods({FindPod(pod_id)}).front(); }

  std::vector<std::string> Sampled(const cri::ContainerStatsFilter& filter) {
    std::vector<std::string> names;
    for (const ContainerSample& sample : sampler_->SampleContainers(node_->table().All(), filter)) {
      names.push_back(sample.record.config().metadata().name());
    }
    return names;
  }

  void WriteLayer(const std::string& container_id, const std::string& file, size_t bytes) {
    EXPECT_TRUE(
        WriteFileAt(AT_FDCWD, node_->layout().Upper(container_id) + "/" + file, std::string(bytes, 'x'), 0644).ok());
  }
};

TEST_F(SamplerTest, ARunningContainerHasWhatItsCgroupCounts) {
  const std::string id = RunContainer(RunPod());
  const BusyCgroup busy(CgroupOf(id), kMemory);
  const ContainerSample sample = Sample(id);
  ASSERT_TRUE(sample.reading);
  ASSERT_TRUE(sample.reading->usage.cpu_nanos);
  EXPECT_GT(*sample.reading->usage.cpu_nanos, 0u);
  EXPECT_EQ(sample.reading->usage.memory.has_value(), busy.counts_memory());
  if (busy.counts_memory()) {
    EXPECT_THAT(sample.reading->usage.memory->rss, AllOf(Ge(kMemory), Le(4 * kMemory)));
    EXPECT_GE(sample.reading->usage.memory->usage, sample.reading->usage.memory->rss);
  }
  if (busy.counts_tasks()) {
    EXPECT_EQ(sample.reading->usage.tasks, 1u);
  }
  const auto details = sampler_->DetailsOf(sample);
  ASSERT_TRUE(details);
  EXPECT_EQ(details->processes, 1u);
}

TEST_F(SamplerTest, TheRateIsTheIncreaseASecondSinceTheReadingBefore) {
  const std::string id = RunContainer(RunPod());
  const BusyCgroup busy(CgroupOf(id), kMemory);
  const MeterReading first = *Sample(id).reading;
  EXPECT_FALSE(first.cpu_rate) << "there is no reading before";
  LetTimePass(2 * CpuRate::kShortest);
  const MeterReading second = *Sample(id).reading;
  ASSERT_TRUE(second.cpu_rate);
  const double seconds = static_cast<double>(second.at - first.at) / 1e9;
  const double rate = static_cast<double>(*second.usage.cpu_nanos - *first.usage.cpu_nanos) / seconds;
  EXPECT_GT(rate, 0);
  EXPECT_NEAR(static_cast<double>(*second.cpu_rate), rate, rate / 4);
  EXPECT_EQ(Sample(id).reading->cpu_rate, second.cpu_rate) << "one who asks at once gets the same";
}

TEST_F(SamplerTest, AContainerThatHasEndedHasItsLayerOnly) {
  const std::string id = RunContainer(RunPod());
  WriteLayer(id, "file", 50000);
  ASSERT_TRUE(Sample(id).reading);
  node_->shims().Exit(id, 0);
  const ContainerSample sample = Sample(id);
  EXPECT_FALSE(sample.reading);
  EXPECT_FALSE(sampler_->DetailsOf(sample));
  ASSERT_TRUE(sample.layer);
  EXPECT_GE(sample.layer->usage.bytes, 50000u);
  EXPECT_EQ(sample.layer->usage.inodes, 2u);
  EXPECT_THAT(Sampled({}), IsEmpty());
}

TEST_F(SamplerTest, RunningContainersAreSampledOldestFirst) {
  const std::string pod = RunPod();
  RunContainer(pod, "b");
  RunContainer(RunPod("other"), "a");
  RunContainer(pod, "c");
  *node_->CreateContainer(pod, "never-started");
  EXPECT_THAT(Sampled({}), ElementsAre("b", "a", "c"));
}

TEST_F(SamplerTest, TheFilterSelectsByPrefixOfTheIdAndByLabels) {
  const std::string pod = RunPod();
  const std::string id = RunContainer(pod, "a");
  cri::CreateContainerRequest labelled = node_->ContainerRequest(pod, "b");
  (*labelled.mutable_config()->mutable_labels())["role"] = "side";
  RunContainer(labelled);
  cri::ContainerStatsFilter filter;
  filter.set_id(id.substr(0, 12));
  EXPECT_THAT(Sampled(filter), ElementsAre("a"));
  (*filter.mutable_label_selector())["role"] = "side";
  EXPECT_THAT(Sampled(filter), IsEmpty());
  filter.clear_id();
  EXPECT_THAT(Sampled(filter), ElementsAre("b"));
}

TEST_F(SamplerTest, APodHasWhatItsOwnCgroupCounts) {
  const std::string pod = RunPod();
  const std::string id = RunContainer(pod);
  const BusyCgroup busy(CgroupOf(id), kMemory);
  const PodSample sample = SamplePod(pod);
  ASSERT_TRUE(sample.reading);
  ASSERT_EQ(sample.containers.size(), 1u);
  EXPECT_GE(*sample.reading->usage.cpu_nanos, *sample.containers[0].reading->usage.cpu_nanos);
  if (busy.counts_memory()) {
    EXPECT_GE(sample.reading->usage.memory->rss, static_cast<uint64_t>(kMemory));
  }
}

TEST_F(SamplerTest, PodsThatShareACgroupHaveTheSumsOfTheirContainers) {
  const std::string busy_pod = Run(node_->PodRequest("busy"));
  const std::string idle_pod = Run(node_->PodRequest("idle"));
  const std::string id = RunContainer(busy_pod);
  RunContainer(idle_pod);
  const BusyCgroup busy(CgroupOf(id), kMemory);
  const PodSample of_busy = SamplePod(busy_pod);
  const PodSample of_idle = SamplePod(idle_pod);
  ASSERT_TRUE(of_busy.reading);
  ASSERT_TRUE(of_idle.reading);
  EXPECT_GE(*of_busy.reading->usage.cpu_nanos, *of_busy.containers[0].reading->usage.cpu_nanos);
  EXPECT_EQ(of_idle.reading->usage.cpu_nanos.value_or(0), 0u) << "its containers have no process";
  if (busy.counts_memory()) {
    EXPECT_GE(of_busy.reading->usage.memory->rss, static_cast<uint64_t>(kMemory));
  }
  ASSERT_EQ(node_->pods().StopPod(idle_pod, InTime()), absl::OkStatus());
  EXPECT_GE(*SamplePod(busy_pod).reading->usage.cpu_nanos, *of_busy.reading->usage.cpu_nanos)
      << "it is alone in the cgroup now";
}

TEST_F(SamplerTest, APodHasTheInterfacesOfItsOwnNetworkNamespace) {
  const std::string pod = RunPod();
  ASSERT_EQ(RunInNetns(FindPod(pod)->record().netns_path(),
                       [] {
                         const bool made = system("ip link add eth0 type veth peer name eth1") == 0;
                         return made ? absl::OkStatus() : absl::InternalError("ip link add");
                       }),
            absl::OkStatus());
  std::vector<std::string> names;
  for (const LinkReading& link : SamplePod(pod).links) names.push_back(link.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("lo", "eth0", "eth1"));
}

TEST_F(SamplerTest, AStoppedPodHasNoReadingAndItsNetworkNamespaceIsNotHeld) {
  const std::string pod = RunPod();
  RunContainer(pod);
  ASSERT_FALSE(SamplePod(pod).links.empty());
  ASSERT_EQ(node_->pods().StopPod(pod, InTime()), absl::OkStatus());
  const PodSample sample = SamplePod(pod);
  EXPECT_FALSE(sample.reading);
  EXPECT_THAT(sample.links, IsEmpty());
  EXPECT_THAT(sample.containers, IsEmpty());
  EXPECT_THAT(sampler_->ReadyPods(), IsEmpty());
}

TEST_F(SamplerTest, PodsAreSampledOldestFirst) {
  const std::string first = RunPod("b");
  const std::string second = RunPod("a");
  std::vector<std::string> ids;
  for (const PodSample& sample : sampler_->SamplePods(sampler_->ReadyPods())) ids.push_back(sample.record.id());
  EXPECT_THAT(ids, ElementsAre(first, second));
}

TEST_F(SamplerTest, TheLayersTogetherAreThoseOfAllContainersThatAreNotRemoved) {
  const std::string pod = RunPod();
  const std::string running = RunContainer(pod, "running");
  const std::string exited = RunContainer(pod, "exited");
  const std::string removed = RunContainer(pod, "removed");
  for (const std::string& id : {running, exited, removed}) WriteLayer(id, "file", 30000);
  node_->shims().Exit(exited, 0);
  ASSERT_TRUE(Eventually([&] { return sampler_->SampleLayers().usage.inodes == 6; })) << "a directory and a file each";
  const LayerSample all = sampler_->SampleLayers();
  EXPECT_GE(all.usage.bytes, 90000u);
  EXPECT_LE(all.at, Sample(running).layer->at) << "the time is that of the oldest";
  ASSERT_EQ(node_->pods().RemoveContainer(removed, InTime()), absl::OkStatus());
  EXPECT_EQ(sampler_->SampleLayers().usage.inodes, 4u);
}

}  // namespace
}  // namespace crisp
