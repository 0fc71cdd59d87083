// UpdateContainerResources and UpdatePodSandboxResources: new limits for containers and pods that exist.
#include <filesystem>
#include <set>

#include "e2e/cgroup_files.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class UpdateTest : public NodeTest {
 protected:
  // A container with limits that leave room for changes.
  static cri::ContainerConfig Limited(const std::string& name) {
    cri::ContainerConfig config = ContainerOf(name, "sleep 1000");
    cri::LinuxContainerResources* limits = config.mutable_linux()->mutable_resources();
    limits->set_cpu_shares(512);
    limits->set_cpu_period(100000);
    limits->set_cpu_quota(50000);
    limits->set_memory_limit_in_bytes(64 << 20);
    return config;
  }
  Answer<cri::UpdateContainerResourcesResponse> Update(const std::string& id,
                                                       const cri::LinuxContainerResources& limits) {
    cri::UpdateContainerResourcesRequest request;
    request.set_container_id(id);
    *request.mutable_linux() = limits;
    return cri().Call(&Runtime::UpdateContainerResources, request);
  }
  Answer<cri::UpdatePodSandboxResourcesResponse> UpdatePod(const std::string& id,
                                                           const cri::LinuxContainerResources& overhead,
                                                           const cri::LinuxContainerResources& limits) {
    cri::UpdatePodSandboxResourcesRequest request;
    request.set_pod_sandbox_id(id);
    *request.mutable_overhead() = overhead;
    *request.mutable_resources() = limits;
    return cri().Call(&Runtime::UpdatePodSandboxResources, request);
  }
  cri::LinuxContainerResources LimitsOf(const std::string& id) { return StatusOf(id).resources().linux(); }

  static std::string Memory(pid_t pid) { return CgroupFile(pid, "memory", "memory.limit_in_bytes", "memory.max"); }
  static std::string Quota(pid_t pid) { return CgroupFile(pid, "cpu", "cpu.cfs_quota_us", "cpu.max"); }
  static std::string Shares(pid_t pid) { return CgroupFile(pid, "cpu", "cpu.shares", "cpu.weight"); }
  static std::string Cpus(pid_t pid) { return CgroupFile(pid, "cpuset", "cpuset.cpus", "cpuset.cpus"); }
};

TEST_F(UpdateTest, ARunningContainerGetsItsNewLimitsAtOnce) {
  const PodRef pod = RunPod("live");
  const std::string id = Start(pod, Limited("live"));
  const pid_t pid = PidOf(id);
  cri::LinuxContainerResources limits;
  limits.set_cpu_shares(1024);
  limits.set_cpu_quota(30000);
  limits.set_memory_limit_in_bytes(96 << 20);
  limits.set_cpuset_cpus("0");
  Must(Update(id, limits));
  EXPECT_EQ(Memory(pid), std::to_string(96 << 20));
  EXPECT_THAT(Quota(pid), StartsWith("30000"));
  EXPECT_THAT(Shares(pid), AnyOf("1024", "39"));
  EXPECT_EQ(Cpus(pid), "0");
  EXPECT_EQ(LimitsOf(id).cpu_shares(), 1024);
  EXPECT_EQ(LimitsOf(id).cpu_quota(), 30000);
  EXPECT_EQ(LimitsOf(id).cpu_period(), 100000) << "a limit that the update does not name stays";
  EXPECT_EQ(LimitsOf(id).memory_limit_in_bytes(), 96 << 20);
  EXPECT_EQ(LimitsOf(id).cpuset_cpus(), "0");
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(PidOf(id), pid);
}

// The kubelet's CPU manager sends the processors and nothing else, again and again.
TEST_F(UpdateTest, AnUpdateOfOneLimitLeavesTheOthers) {
  const PodRef pod = RunPod("one");
  const std::string id = Start(pod, Limited("one"));
  const pid_t pid = PidOf(id);
  cri::LinuxContainerResources limits;
  limits.set_cpuset_cpus("0");
  for (int i = 0; i < 3; ++i) Must(Update(id, limits));
  EXPECT_EQ(Cpus(pid), "0");
  EXPECT_EQ(Memory(pid), std::to_string(64 << 20));
  EXPECT_THAT(Quota(pid), StartsWith("50000"));
  EXPECT_THAT(Shares(pid), AnyOf("512", "20"));
  cri::LinuxContainerResources no_quota;
  no_quota.set_cpu_quota(-1);
  Must(Update(id, no_quota));
  EXPECT_THAT(Quota(pid), AnyOf(StartsWith("-1"), StartsWith("max")));
}

TEST_F(UpdateTest, ACreatedContainerStartsWithItsNewLimits) {
  const PodRef pod = RunPod("created");
  const std::string id = Create(pod, Limited("created"));
  cri::LinuxContainerResources limits;
  limits.set_cpu_quota(20000);
  limits.set_memory_limit_in_bytes(32 << 20);
  limits.set_oom_score_adj(700);
  Must(Update(id, limits));
  EXPECT_EQ(LimitsOf(id).memory_limit_in_bytes(), 32 << 20);
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_CREATED);
  Must(cri().StartContainer(id));
  const pid_t pid = PidOf(id);
  EXPECT_EQ(Memory(pid), std::to_string(32 << 20));
  EXPECT_THAT(Quota(pid), StartsWith("20000"));
  EXPECT_THAT(Shares(pid), AnyOf("512", "20"));
  EXPECT_EQ(ReadFile(ProcPath(pid, "oom_score_adj")), "700\n");
}

TEST_F(UpdateTest, LimitsOutliveTheDaemon) {
  const PodRef pod = RunPod("restart");
  const std::string running = Start(pod, Limited("running"));
  const std::string created = Create(pod, Limited("created"));
  cri::LinuxContainerResources limits;
  limits.set_memory_limit_in_bytes(80 << 20);
  Must(Update(running, limits));
  Must(Update(created, limits));
  node().Restart();
  for (const std::string& id : {running, created}) {
    EXPECT_EQ(LimitsOf(id).memory_limit_in_bytes(), 80 << 20);
    EXPECT_EQ(LimitsOf(id).cpu_quota(), 50000);
  }
  cri::LinuxContainerResources more;
  more.set_cpu_quota(60000);
  Must(Update(running, more));
  EXPECT_EQ(Memory(PidOf(running)), std::to_string(80 << 20));
  EXPECT_THAT(Quota(PidOf(running)), StartsWith("60000"));
  Must(cri().StartContainer(created));
  EXPECT_EQ(Memory(PidOf(created)), std::to_string(80 << 20));
}

TEST_F(UpdateTest, ARepeatedCreateOfAnUpdatedContainerFindsIt) {
  const PodRef pod = RunPod("repeated");
  const std::string id = Create(pod, Limited("repeated"));
  cri::LinuxContainerResources limits;
  limits.set_cpu_quota(20000);
  Must(Update(id, limits));
  EXPECT_EQ(Create(pod, Limited("repeated")), id);
}

class HugepageTest : public UpdateTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cri_toml = "disable_hugetlb_controller = false\ntolerate_missing_hugetlb_controller = false\n";
    return options;
  }
  static void Limit(uint64_t bytes, cri::LinuxContainerResources* limits) {
    cri::HugepageLimit* limit = limits->add_hugepage_limits();
    limit->set_page_size("2MB");
    limit->set_limit(bytes);
  }
  static std::string Hugepages(pid_t pid) {
    return CgroupFile(pid, "hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max");
  }
  // Whether the node has the controller: in a hierarchy of its own (v1), or in the one hierarchy.
  static bool NodeHasIt() {
    return HasCgroupV2() ? ReadFile("/sys/fs/cgroup/cgroup.controllers").find("hugetlb") != std::string::npos
                         : FileExists("/sys/fs/cgroup/hugetlb/cgroup.procs");
  }
};

TEST_F(HugepageTest, LimitsOnHugePagesReachTheCgroupWhereTheNodeHasTheController) {
  const PodRef pod = RunPod("hugepages");
  cri::ContainerConfig config = ContainerOf("main", "sleep 1000");
  Limit(4 << 20, config.mutable_linux()->mutable_resources());
  if (!NodeHasIt()) {
    EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("hugepage_limits"));
    return;
  }
  const std::string id = Create(pod, config);
  cri::LinuxContainerResources more;
  Limit(6 << 20, &more);
  Must(Update(id, more));
  Must(cri().StartContainer(id));
  EXPECT_EQ(Hugepages(PidOf(id)), std::to_string(6 << 20));
  cri::LinuxContainerResources less;
  Limit(2 << 20, &less);
  Must(Update(id, less));
  EXPECT_EQ(Hugepages(PidOf(id)), std::to_string(2 << 20));
  EXPECT_EQ(LimitsOf(id).hugepage_limits(0).limit(), uint64_t{2} << 20);
}

TEST_F(UpdateTest, SwapIsLimitedWithMemory) {
  if (CgroupFileOf("", "memory", "memory.memsw.limit_in_bytes", "memory.swap.max").empty() && !HasCgroupV2()) {
    GTEST_SKIP() << "this machine does not account for swap";
  }
  const PodRef pod = RunPod("swap");
  const std::string id = Start(pod, Limited("swap"));
  const pid_t pid = PidOf(id);
  cri::LinuxContainerResources limits;
  limits.set_memory_limit_in_bytes(96 << 20);
  limits.set_memory_swap_limit_in_bytes(128 << 20);
  Must(Update(id, limits));
  EXPECT_EQ(Memory(pid), std::to_string(96 << 20));
  EXPECT_EQ(CgroupFile(pid, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
            std::to_string(HasCgroupV2() ? 32 << 20 : 128 << 20));
  cri::LinuxContainerResources too_much;
  too_much.set_memory_limit_in_bytes(256 << 20);
  const auto answer = Update(id, too_much);
  EXPECT_EQ(answer.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text(), HasSubstr("linux.memory_swap_limit_in_bytes"));
  EXPECT_EQ(Memory(pid), std::to_string(96 << 20));
}

TEST_F(UpdateTest, TheOomScoreOfRunningProcessesIsUpdated) {
  const PodRef pod = RunPod("oom");
  cri::ContainerConfig config = ContainerOf("oom", "sleep 1000 & (echo 900 > /proc/self/oom_score_adj; sleep 1000)");
  config.mutable_linux()->mutable_resources()->set_oom_score_adj(500);
  const std::string id = Start(pod, config);
  const auto scores = [&] {
    std::multiset<std::string> found;
    for (const std::string& pid : Lines(CgroupFile(PidOf(id), "memory", "cgroup.procs", "cgroup.procs"))) {
      found.insert(ReadFile(ProcPath(std::stoi(pid), "oom_score_adj")));
    }
    return found;
  };
  WaitFor("one of them to have set its own", std::chrono::seconds(10), [&] { return scores().count("900\n") >= 1; });
  cri::LinuxContainerResources limits;
  limits.set_oom_score_adj(600);
  Must(Update(id, limits));
  EXPECT_EQ(scores().count("500\n"), 0u);
  EXPECT_GE(scores().count("600\n"), 1u);
  EXPECT_GE(scores().count("900\n"), 1u);
}

TEST_F(UpdateTest, InvalidLimitsAreRefusedByName) {
  const PodRef pod = RunPod("refused");
  const std::string id = Start(pod, Limited("refused"));
  const pid_t pid = PidOf(id);
  const auto refused = [&](const cri::LinuxContainerResources& limits) {
    const auto answer = Update(id, limits);
    EXPECT_EQ(answer.code(), grpc::StatusCode::INVALID_ARGUMENT) << answer.text();
    return answer.text();
  };
  cri::LinuxContainerResources period;
  period.set_cpu_period(5);
  EXPECT_THAT(refused(period), HasSubstr("field linux.cpu_period"));
  cri::LinuxContainerResources cpus;
  cpus.set_cpuset_cpus("all of them");
  EXPECT_THAT(refused(cpus), HasSubstr("field linux.cpuset_cpus"));
  cri::LinuxContainerResources score;
  score.set_oom_score_adj(4000);
  EXPECT_THAT(refused(score), HasSubstr("field linux.oom_score_adj"));
  if (!HasCgroupV2()) {
    cri::LinuxContainerResources unified;
    (*unified.mutable_unified())["memory.high"] = "1000000";
    EXPECT_THAT(refused(unified), HasSubstr("field linux.unified"));
  }
  cri::UpdateContainerResourcesRequest windows;
  windows.set_container_id(id);
  windows.mutable_windows()->set_cpu_count(2);
  EXPECT_EQ(cri().Call(&Runtime::UpdateContainerResources, windows).code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Memory(pid), std::to_string(64 << 20));
  EXPECT_EQ(LimitsOf(id).cpu_period(), 100000);
}

TEST_F(UpdateTest, AnUpdateThatTheKernelRefusesChangesNothing) {
  const PodRef pod = RunPod("kernel");
  const std::string id = Start(pod, Limited("kernel"));
  const pid_t pid = PidOf(id);
  cri::LinuxContainerResources limits;
  limits.set_cpuset_cpus("4000");
  limits.set_cpu_quota(70000);
  const auto answer = Update(id, limits);
  EXPECT_EQ(answer.code(), grpc::StatusCode::INTERNAL) << answer.text();
  EXPECT_THAT(answer.text(), HasSubstr("cpuset.cpus"));
  EXPECT_EQ(LimitsOf(id).cpuset_cpus(), "");
  EXPECT_EQ(LimitsOf(id).cpu_quota(), 50000);
  EXPECT_THAT(Quota(pid), StartsWith("50000"));
  EXPECT_THAT(ReadFile(node().paths().spec(pod.id, id)), Not(HasSubstr("4000")));
}

TEST_F(UpdateTest, ARuntimeThatFailsIsAnErrorAndTheNextUpdateWorks) {
  const PodRef pod = RunPod("fails");
  const std::string id = Start(pod, Limited("fails"));
  cri::LinuxContainerResources limits;
  limits.set_cpu_quota(40000);
  node().wrappers().Fail("update", "", 3);
  const auto answer = Update(id, limits);
  EXPECT_EQ(answer.code(), grpc::StatusCode::INTERNAL) << answer.text();
  EXPECT_THAT(answer.text(), HasSubstr("exit status 3"));
  EXPECT_EQ(LimitsOf(id).cpu_quota(), 50000);
  node().wrappers().Release("update");
  Must(Update(id, limits));
  EXPECT_THAT(Quota(PidOf(id)), StartsWith("40000"));
}

TEST_F(UpdateTest, AContainerCanBeStoppedAfterAnUpdateThatHangs) {
  const PodRef pod = RunPod("hangs");
  const std::string id = Start(pod, Limited("hangs"));
  node().wrappers().Stall("update");
  cri::LinuxContainerResources limits;
  limits.set_cpu_quota(40000);
  const auto answer = Update(id, limits);
  EXPECT_EQ(answer.code(), grpc::StatusCode::DEADLINE_EXCEEDED) << answer.text();
  node().wrappers().Release("update");
  Must(cri().StopContainer(id, 0));
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_EXITED);
}

TEST_F(UpdateTest, AnExitedOrUnknownContainerCannotBeUpdated) {
  const PodRef pod = RunPod("over");
  const std::string id = Start(pod, ContainerOf("over", "true"));
  WaitForExit(id);
  cri::LinuxContainerResources limits;
  limits.set_cpu_shares(100);
  EXPECT_EQ(Update(id, limits).code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Update("nope", limits).code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Update("", limits).code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// --- Pods ---

TEST_F(UpdateTest, APodsOwnCgroupIsLimitedByOverheadAndResourcesTogether) {
  const cri::PodSandboxConfig config = PodConfigWithCgroup("pod");
  const PodRef pod = RunPod(config);
  const std::string& cgroup = config.linux().cgroup_parent();
  cri::LinuxContainerResources overhead;
  overhead.set_memory_limit_in_bytes(16 << 20);
  overhead.set_cpu_shares(10);
  cri::LinuxContainerResources limits;
  limits.set_memory_limit_in_bytes(200 << 20);
  limits.set_cpu_shares(502);
  limits.set_cpu_period(100000);
  limits.set_cpu_quota(80000);
  Must(UpdatePod(pod.id, overhead, limits));
  EXPECT_EQ(CgroupFileOf(cgroup, "memory", "memory.limit_in_bytes", "memory.max"), std::to_string(216 << 20));
  EXPECT_THAT(CgroupFileOf(cgroup, "cpu", "cpu.cfs_quota_us", "cpu.max"), StartsWith("80000"));
  EXPECT_THAT(CgroupFileOf(cgroup, "cpu", "cpu.shares", "cpu.weight"), AnyOf("512", "20"));
  // They hold for containers that come later, and outlive the daemon.
  node().Restart();
  Start(pod, Limited("later"));
  EXPECT_EQ(CgroupFileOf(cgroup, "memory", "memory.limit_in_bytes", "memory.max"), std::to_string(216 << 20));
  const std::string info = Must(cri().PodStatus(pod.id, true)).info().at("info");
  EXPECT_THAT(info, HasSubstr("\"memory_limit_in_bytes\":" + std::to_string(200 << 20)));
  EXPECT_THAT(info, HasSubstr("\"memory_limit_in_bytes\":" + std::to_string(16 << 20)));
}

// The kubelet makes the pod's cgroup and writes its limits before it calls. If one container has no limit the pod has
// none, but the request has the sum of the others' limits.
TEST_F(UpdateTest, ACgroupThatTheKubeletMadeIsNotChanged) {
  const cri::PodSandboxConfig config = PodConfigWithCgroup("kubelet");
  const std::string& cgroup = config.linux().cgroup_parent();
  for (const std::string& hierarchy : CgroupHierarchies()) std::filesystem::create_directories(hierarchy + cgroup);
  const PodRef pod = RunPod(config);
  const std::string before = CgroupFileOf(cgroup, "memory", "memory.limit_in_bytes", "memory.max");
  cri::LinuxContainerResources limits;
  limits.set_memory_limit_in_bytes(200 << 20);
  Must(UpdatePod(pod.id, {}, limits));
  EXPECT_EQ(CgroupFileOf(cgroup, "memory", "memory.limit_in_bytes", "memory.max"), before);
  EXPECT_THAT(Must(cri().PodStatus(pod.id, true)).info().at("info"), HasSubstr(std::to_string(200 << 20)));
}

TEST_F(UpdateTest, InvalidLimitsOfAPodAreRefusedByName) {
  const PodRef pod = RunPod("refused");
  cri::LinuxContainerResources limits;
  limits.set_cpu_period(5);
  EXPECT_THAT(UpdatePod(pod.id, {}, limits).text(), HasSubstr("field resources.cpu_period"));
  EXPECT_THAT(UpdatePod(pod.id, limits, {}).text(), HasSubstr("field overhead.cpu_period"));
  EXPECT_EQ(UpdatePod("nope", {}, {}).code(), grpc::StatusCode::NOT_FOUND);
  Must(cri().StopPod(pod.id));
  EXPECT_EQ(UpdatePod(pod.id, {}, {}).code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(UpdateTest, ACheckpointIsUnimplementedAndSaysWhy) {
  cri::CheckpointContainerRequest request;
  request.set_container_id("any");
  const auto answer = cri().Call(&Runtime::CheckpointContainer, request);
  EXPECT_EQ(answer.code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(answer.text(), HasSubstr("CRIU"));
}

}  // namespace
}  // namespace crisp::e2e
