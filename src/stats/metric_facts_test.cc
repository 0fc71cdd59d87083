#include "stats/metric_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "stats/metrics.h"
#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

using testing::ElementsAre;

constexpr int64_t kSecond = 1'000'000'000;

using ByName = std::map<std::string, cri::Metric>;

template <typename Metrics>
ByName Index(const Metrics& metrics) {
  ByName by_name;
  for (const cri::Metric& metric : metrics) by_name.emplace(metric.name(), metric);
  return by_name;
}

// Samples as a sampler would make them, of a pod with one running container.
class MetricFactsTest : public testing::Test {
 protected:
  MetricFactsTest() {
    pod_->UpdateRecord([](PodRecord* record) {
      record->mutable_config()->mutable_metadata()->set_namespace_("shop");
      record->set_cgroups_path("/kubepods/pod1/p");
    });
    container_->UpdateRecord([](ContainerRecord* record) {
      record->set_started_at(7 * kSecond);
      record->set_cgroups_path("/kubepods/pod1/c");
      record->mutable_config()->mutable_image()->set_image("sha256:0123");
      record->mutable_config()->mutable_image()->set_user_specified_image("app:1");
      record->mutable_config()->mutable_linux()->mutable_resources()->set_cpu_shares(512);
    });
  }

  static MeterReading Reading(uint64_t cpu_seconds) {
    MeterReading reading;
    reading.at = 9 * kSecond;
    reading.usage.cpu_nanos = cpu_seconds * kSecond;
    return reading;
  }

  cri::PodSandboxMetrics Metrics(const ContainerSample& container) {
    PodSample sample{pod_, pod_->record(), Reading(30), {}, {container}};
    LinkReading link;
    link.name = "eth0";
    link.rx_bytes = 77;
    sample.links.push_back(link);
    return MetricMessages(FactsOf(&sampler_, {sample}, FileSystemOf("/"))).at(0);
  }
  ContainerSample Sample() const {
    return {pod_, container_, container_->record(), Reading(20), LayerSample{{4096, 2}, 1}};
  }

  MadePods made_;
  const PodPtr pod_ = made_.AddPod("p");
  const ContainerPtr container_ = made_.AddContainer(pod_, "c");
  Sampler sampler_{made_.table(), Layout("/nowhere", "/nowhere", true)};
};

TEST_F(MetricFactsTest, AContainersMetricsCarryItsNamesAndWhatItUses) {
  const cri::PodSandboxMetrics metrics = Metrics(Sample());
  EXPECT_EQ(metrics.pod_sandbox_id(), "p");
  ASSERT_EQ(metrics.container_metrics_size(), 1);
  EXPECT_EQ(metrics.container_metrics(0).container_id(), "c");
  ByName of_container = Index(metrics.container_metrics(0).metrics());
  const cri::Metric& seen = of_container["container_last_seen"];
  EXPECT_THAT(seen.label_values(), ElementsAre("container-c", "/kubepods/pod1/c", "app:1", "c", "shop", "pod-p"));
  EXPECT_EQ(seen.value().value(), 9u);
  EXPECT_EQ(seen.timestamp(), 9 * kSecond);
  EXPECT_EQ(of_container["container_cpu_usage_seconds_total"].value().value(), 20u);
  EXPECT_EQ(of_container["container_start_time_seconds"].value().value(), 7u);
  EXPECT_EQ(of_container["container_fs_usage_bytes"].value().value(), 4096u);
  EXPECT_EQ(of_container["container_spec_cpu_shares"].value().value(), 512u);
}

TEST_F(MetricFactsTest, APodsMetricsAreOfItsCgroupAndItsInterfaces) {
  ByName of_pod = Index(Metrics(Sample()).metrics());
  EXPECT_THAT(of_pod["container_cpu_usage_seconds_total"].label_values(),
              ElementsAre("", "/kubepods/pod1", "", "", "shop", "pod-p", "total"));
  EXPECT_EQ(of_pod["container_cpu_usage_seconds_total"].value().value(), 30u);
  EXPECT_EQ(of_pod["container_network_receive_bytes_total"].value().value(), 77u);
  EXPECT_EQ(of_pod.count("container_start_time_seconds"), 0u) << "containers have it";
}

TEST_F(MetricFactsTest, LimitsAreThoseOfTheLastUpdate) {
  container_->UpdateRecord([](ContainerRecord* record) { record->mutable_updated_resources()->set_cpu_shares(1024); });
  const cri::PodSandboxMetrics metrics = Metrics(Sample());
  EXPECT_EQ(Index(metrics.container_metrics(0).metrics())["container_spec_cpu_shares"].value().value(), 1024u);
}

TEST_F(MetricFactsTest, TheImageIsTheOneThatTheContainerWasMadeFromWhereNobodyWroteAnother) {
  container_->UpdateRecord(
      [](ContainerRecord* record) { record->mutable_config()->mutable_image()->clear_user_specified_image(); });
  const cri::PodSandboxMetrics metrics = Metrics(Sample());
  EXPECT_EQ(Index(metrics.container_metrics(0).metrics())["container_last_seen"].label_values(2), "sha256:0123");
}

TEST_F(MetricFactsTest, AContainerWithoutAReadingHasNone) {
  ContainerSample ended = Sample();
  ended.reading.reset();
  EXPECT_EQ(Metrics(ended).container_metrics_size(), 0);
}

TEST_F(MetricFactsTest, ALayerThatWasNotMeasuredIsLeftOut) {
  ContainerSample sample = Sample();
  sample.layer.reset();
  const cri::PodSandboxMetrics metrics = Metrics(sample);
  EXPECT_EQ(Index(metrics.container_metrics(0).metrics()).count("container_fs_usage_bytes"), 0u);
}

TEST(MetricFactsOfSystemdTest, TheIdIsThePathOfTheScope) {
  PodRecord record;
  record.set_id("p");
  record.set_cgroups_path("kubepods-pod1.slice:crisp:p");
  const auto pod = std::make_shared<Pod>(record, OciRuntime{"", "", /*systemd_cgroup=*/true, false, false}, nullptr,
                                         Pod::State::kReady);
  MadePods made;
  Sampler sampler(made.table(), Layout("/nowhere", "/nowhere", true));
  ByName metrics =
      Index(MetricMessages(FactsOf(&sampler, {{pod, record, {}, {}, {}}}, FileSystemOf("/"))).at(0).metrics());
  EXPECT_EQ(metrics["container_last_seen"].label_values(1), "/kubepods.slice/kubepods-pod1.slice");
}

TEST(LimitsTest, WhatIsNotGivenIsNone) {
  cri::LinuxContainerResources limits;
  limits.set_cpu_quota(-1);
  limits.set_memory_limit_in_bytes(4096);
  (*limits.mutable_unified())["memory.min"] = "max";
  const LimitFacts facts = LimitsOf(limits);
  EXPECT_FALSE(facts.cpu_quota);
  EXPECT_EQ(facts.memory, 4096u);
  EXPECT_EQ(facts.memory_reservation, 0u);
  (*limits.mutable_unified())["memory.min"] = "1024";
  EXPECT_EQ(LimitsOf(limits).memory_reservation, 1024u);
}

}  // namespace
}  // namespace crisp
