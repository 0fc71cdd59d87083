// What containers and pods use, as the kubelet asks for it: the stats of containers and pods.
#include <signal.h>

#include "base/clock.h"
#include "e2e/cgroup_files.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr std::chrono::seconds kSoon{10};

class StatsTest : public NodeTest {
 protected:
  std::string Sleeper(const PodRef& pod, const std::string& name) {
    return Start(pod, ContainerOf(name, "sleep 1000"));
  }

  cri::ContainerStats Stats(const std::string& id) {
    cri::ContainerStatsRequest request;
    request.set_container_id(id);
    return Must(cri().Call(&Runtime::ContainerStats, request)).stats();
  }
  std::vector<cri::ContainerStats> List(const cri::ContainerStatsFilter& filter = {}) {
    cri::ListContainerStatsRequest request;
    *request.mutable_filter() = filter;
    const auto answer = Must(cri().Call(&Runtime::ListContainerStats, request));
    return {answer.stats().begin(), answer.stats().end()};
  }
  std::vector<std::string> ListedIds(const cri::ContainerStatsFilter& filter = {}) {
    std::vector<std::string> ids;
    for (const cri::ContainerStats& stats : List(filter)) ids.push_back(stats.attributes().id());
    return ids;
  }
  cri::PodSandboxStats PodStats(const std::string& id) {
    cri::PodSandboxStatsRequest request;
    request.set_pod_sandbox_id(id);
    return Must(cri().Call(&Runtime::PodSandboxStats, request)).stats();
  }
  std::vector<cri::PodSandboxStats> ListPods(const cri::PodSandboxStatsFilter& filter = {}) {
    cri::ListPodSandboxStatsRequest request;
    *request.mutable_filter() = filter;
    const auto answer = Must(cri().Call(&Runtime::ListPodSandboxStats, request));
    return {answer.stats().begin(), answer.stats().end()};
  }
  std::vector<std::string> ListedPods(const cri::PodSandboxStatsFilter& filter = {}) {
    std::vector<std::string> ids;
    for (const cri::PodSandboxStats& stats : ListPods(filter)) ids.push_back(stats.attributes().id());
    return ids;
  }
};

// --- Containers ---

TEST_F(StatsTest, ARunningContainerHasAllItsNumbers) {
  const PodRef pod = RunPod("numbers");
  cri::ContainerConfig config = ContainerOf("numbers", "sleep 1000");
  (*config.mutable_labels())["tier"] = "front";
  (*config.mutable_annotations())["note"] = "kept";
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  const int64_t before = WallNanos();
  const std::string id = Start(pod, config);
  const cri::ContainerStats stats = Stats(id);
  EXPECT_EQ(stats.attributes().id(), id);
  EXPECT_EQ(stats.attributes().metadata().name(), "numbers");
  EXPECT_EQ(stats.attributes().labels().at("tier"), "front");
  EXPECT_EQ(stats.attributes().annotations().at("note"), "kept");
  EXPECT_GT(stats.cpu().timestamp(), before);
  EXPECT_GT(stats.cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_GT(stats.memory().timestamp(), before);
  EXPECT_GT(stats.memory().usage_bytes().value(), 0u);
  EXPECT_LE(stats.memory().working_set_bytes().value(), stats.memory().usage_bytes().value());
  EXPECT_EQ(stats.memory().available_bytes().value(), (64u << 20) - stats.memory().working_set_bytes().value());
  EXPECT_GT(stats.memory().page_faults().value(), 0u);
  EXPECT_GT(stats.writable_layer().timestamp(), before);
  EXPECT_GT(stats.writable_layer().inodes_used().value(), 0u);
  EXPECT_EQ(stats.writable_layer().fs_id().mountpoint(),
            Must(cri().ImageFsInfo()).container_filesystems(0).fs_id().mountpoint());
}

TEST_F(StatsTest, TheContainerFileSystemCountsAllWritableLayers) {
  const PodRef pod = RunPod("writers");
  const std::string write = "head -c 1048576 /dev/zero >/big";
  Start(pod, ContainerOf("running", write + "; sleep 1000"));
  const std::string exited = Start(pod, ContainerOf("exited", write));
  WaitForExit(exited);
  const auto usage = [&] { return Must(cri().ImageFsInfo()).container_filesystems(0); };
  WaitFor("the walk", std::chrono::seconds(10), [&] { return usage().used_bytes().value() >= 2u << 20; });
  EXPECT_GE(usage().inodes_used().value(), 4u);
  Must(cri().RemoveContainer(exited));
  WaitFor("one to be left", std::chrono::seconds(10), [&] { return usage().used_bytes().value() < 2u << 20; });
}

TEST_F(StatsTest, WithoutALimitAvailableMemoryIsUnset) {
  const PodRef pod = RunPod("unlimited");
  EXPECT_FALSE(Stats(Sleeper(pod, "unlimited")).memory().has_available_bytes());
}

TEST_F(StatsTest, TheCpuRateIsSinceThePreviousCall) {
  const PodRef pod = RunPod("rate");
  const std::string busy = Start(pod, ContainerOf("busy", "while :; do :; done"));
  const std::string idle = Sleeper(pod, "idle");
  EXPECT_FALSE(Stats(busy).cpu().has_usage_nano_cores()) << "there is no call before";
  Stats(idle);
  LetTimePass(std::chrono::seconds(1));  // the interval that the rate is of
  const uint64_t rate = Stats(busy).cpu().usage_nano_cores().value();
  EXPECT_GT(rate, 10'000'000u) << "however busy the machine is otherwise";
  EXPECT_LT(rate, 1'500'000'000u);
  const cri::CpuUsage rests = Stats(idle).cpu();
  ASSERT_TRUE(rests.has_usage_nano_cores());
  EXPECT_LT(rests.usage_nano_cores().value(), rate);
}

TEST_F(StatsTest, AllocatedMemoryIsCounted) {
  const PodRef pod = RunPod("memory");
  const std::string id = Sleeper(pod, "memory");
  EXPECT_LT(Stats(id).memory().working_set_bytes().value(), 32u << 20);
  Sh(id, "dd if=/dev/zero of=/dev/shm/x bs=1M count=32 2> /dev/null");
  EXPECT_GE(Stats(id).memory().working_set_bytes().value(), 32u << 20);
}

TEST_F(StatsTest, WrittenFilesAreCountedInTheWritableLayer) {
  const PodRef pod = RunPod("layer");
  const std::string id = Sleeper(pod, "layer");
  const cri::FilesystemUsage before = Stats(id).writable_layer();
  Sh(id, "dd if=/dev/zero of=/x bs=1M count=3 2> /dev/null; touch /y /z");
  cri::FilesystemUsage after;
  WaitFor("the files to be counted", kSoon, [&] {
    after = Stats(id).writable_layer();
    return after.inodes_used().value() == before.inodes_used().value() + 3;
  });
  EXPECT_GE(after.used_bytes().value(), before.used_bytes().value() + (3 << 20));
  EXPECT_GT(after.timestamp(), before.timestamp());
}

TEST_F(StatsTest, TheListHasRunningContainersOldestFirst) {
  const PodRef one = RunPod("one");
  const PodRef two = RunPod("two");
  cri::ContainerConfig labelled = ContainerOf("a", "sleep 1000");
  (*labelled.mutable_labels())["tier"] = "front";
  const std::string a = Start(one, labelled);
  const std::string b = Sleeper(two, "b");
  const std::string c = Sleeper(one, "c");
  Create(one, ContainerOf("created", "sleep 1000"));
  RunToEnd(one, ContainerOf("exited", "true"));
  EXPECT_THAT(ListedIds(), ElementsAre(a, b, c));

  cri::ContainerStatsFilter filter;
  filter.set_pod_sandbox_id(one.id);
  EXPECT_THAT(ListedIds(filter), ElementsAre(a, c));
  (*filter.mutable_label_selector())["tier"] = "front";
  EXPECT_THAT(ListedIds(filter), ElementsAre(a));
  (*filter.mutable_label_selector())["tier"] = "back";
  EXPECT_THAT(ListedIds(filter), IsEmpty());
  cri::ContainerStatsFilter by_id;
  by_id.set_id(b.substr(0, 20));
  EXPECT_THAT(ListedIds(by_id), ElementsAre(b));
}

TEST_F(StatsTest, AContainerThatDoesNotRunHasOnlyItsLayer) {
  const PodRef pod = RunPod("ended");
  const std::string exited = Start(pod, ContainerOf("exited", "touch /x"));
  WaitForExit(exited);
  const cri::ContainerStats stats = Stats(exited);
  EXPECT_EQ(stats.attributes().id(), exited);
  EXPECT_FALSE(stats.has_cpu());
  EXPECT_FALSE(stats.has_memory());
  EXPECT_GE(stats.writable_layer().inodes_used().value(), 2u);
  const std::string created = Create(pod, ContainerOf("created", "sleep 1000"));
  EXPECT_FALSE(Stats(created).has_cpu());
  Must(cri().StartContainer(created));
  EXPECT_TRUE(Stats(created).has_cpu());
}

TEST_F(StatsTest, StatsDoNotNeedTheShim) {
  const PodRef pod = RunPod("hanging");
  const std::string id = Sleeper(pod, "hanging");
  const pid_t shim = PidByCommand("crisp-shim");
  kill(shim, SIGSTOP);
  const auto begin = std::chrono::steady_clock::now();
  const cri::ContainerStats stats = Stats(id);
  const auto listed = ListedIds();
  const cri::PodSandboxStats of_pod = PodStats(pod.id);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  kill(shim, SIGCONT);
  EXPECT_GT(stats.cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_GT(stats.memory().working_set_bytes().value(), 0u);
  EXPECT_THAT(listed, ElementsAre(id));
  EXPECT_GT(of_pod.linux().network().default_interface().rx_bytes().value(), 0u);
}

TEST_F(StatsTest, UnknownIdsAreNotFound) {
  cri::ContainerStatsRequest container;
  container.set_container_id("nope");
  EXPECT_EQ(cri().Call(&Runtime::ContainerStats, container).code(), grpc::StatusCode::NOT_FOUND);
  cri::PodSandboxStatsRequest pod;
  pod.set_pod_sandbox_id("nope");
  EXPECT_EQ(cri().Call(&Runtime::PodSandboxStats, pod).code(), grpc::StatusCode::NOT_FOUND);
  pod.set_pod_sandbox_id("");
  EXPECT_EQ(cri().Call(&Runtime::PodSandboxStats, pod).code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StatsTest, ADaemonThatWasRestartedGoesOnCounting) {
  const PodRef pod = RunPod("restart");
  const std::string id = Sleeper(pod, "restart");
  const uint64_t before = Stats(id).cpu().usage_core_nano_seconds().value();
  node().Restart();
  EXPECT_GE(Stats(id).cpu().usage_core_nano_seconds().value(), before);
  EXPECT_EQ(PodStats(pod.id).linux().network().default_interface().name(), "eth0");
}

// --- Pods ---

TEST_F(StatsTest, APodHasItsCgroupsNumbersItsNetworkAndItsContainers) {
  const PodRef pod = RunPod(PodConfigWithCgroup("own"));
  const std::string id = Start(pod, ContainerOf("own", "sleep 1000 & sleep 1000 & wait"));
  WaitFor("three processes", kSoon,
          [&] { return Lines(CgroupFile(PidOf(id), "memory", "cgroup.procs", "cgroup.procs")).size() == 3; });
  const cri::PodSandboxStats stats = PodStats(pod.id);
  EXPECT_EQ(stats.attributes().id(), pod.id);
  EXPECT_EQ(stats.attributes().metadata().name(), "own");
  EXPECT_EQ(stats.attributes().labels().at("app"), "own");
  ASSERT_EQ(stats.linux().containers_size(), 1);
  EXPECT_EQ(stats.linux().containers(0).attributes().id(), id);
  EXPECT_TRUE(stats.linux().containers(0).has_cpu());
  EXPECT_GT(stats.linux().cpu().usage_core_nano_seconds().value(),
            stats.linux().containers(0).cpu().usage_core_nano_seconds().value())
      << "the pause container is of the pod too";
  EXPECT_GT(stats.linux().memory().usage_bytes().value(), 0u);
  EXPECT_EQ(stats.linux().process().process_count().value(), 4u) << "a shell, two of its children, pause";
  const cri::NetworkInterfaceUsage& eth0 = stats.linux().network().default_interface();
  EXPECT_EQ(eth0.name(), "eth0");
  EXPECT_THAT(stats.linux().network().interfaces(), IsEmpty()) << "the loopback is none";

  Sh(id, "ping -c 3 -s 1000 $(ip route | awk '/default/ {print $3}')");
  EXPECT_GE(PodStats(pod.id).linux().network().default_interface().tx_bytes().value(), eth0.tx_bytes().value() + 3000);
  EXPECT_GE(PodStats(pod.id).linux().network().default_interface().rx_bytes().value(), eth0.rx_bytes().value() + 3000);
}

TEST_F(StatsTest, PodsThatShareACgroupAreCountedApart) {
  const PodRef big = RunPod("big");
  const PodRef small = RunPod("small");
  Sh(Sleeper(big, "big"), "dd if=/dev/zero of=/dev/shm/x bs=1M count=32 2> /dev/null");
  Sleeper(small, "small");
  EXPECT_GE(PodStats(big.id).linux().memory().working_set_bytes().value(), 32u << 20);
  EXPECT_LT(PodStats(small.id).linux().memory().working_set_bytes().value(), 32u << 20);
  EXPECT_EQ(PodStats(small.id).linux().process().process_count().value(), 2u);
}

TEST_F(StatsTest, APodOnTheHostsNetworkHasNoNetworkOfItsOwn) {
  cri::PodSandboxConfig config = PodConfig("host");
  Namespaces(config).set_network(cri::NODE);
  const PodRef pod = RunPod(config);
  const cri::PodSandboxStats stats = PodStats(pod.id);
  EXPECT_FALSE(stats.linux().has_network());
  EXPECT_TRUE(stats.linux().has_cpu());
}

TEST_F(StatsTest, TheListHasReadyPodsOldestFirst) {
  const PodRef one = RunPod("one");
  const PodRef two = RunPod("two");
  const PodRef three = RunPod("three");
  EXPECT_THAT(ListedPods(), ElementsAre(one.id, two.id, three.id));
  cri::PodSandboxStatsFilter filter;
  (*filter.mutable_label_selector())["app"] = "two";
  EXPECT_THAT(ListedPods(filter), ElementsAre(two.id));
  filter.set_id(one.id);
  EXPECT_THAT(ListedPods(filter), IsEmpty());
  cri::PodSandboxStatsFilter by_id;
  by_id.set_id(three.id.substr(0, 12));
  EXPECT_THAT(ListedPods(by_id), ElementsAre(three.id));

  Must(cri().StopPod(two.id));
  EXPECT_THAT(ListedPods(), ElementsAre(one.id, three.id));
  const cri::PodSandboxStats stopped = PodStats(two.id);
  EXPECT_EQ(stopped.attributes().metadata().name(), "two");
  EXPECT_FALSE(stopped.linux().has_cpu());
}

}  // namespace
}  // namespace crisp::e2e
