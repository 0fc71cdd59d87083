// Capabilities, sysctls and namespaces of containers; and what the daemon, the shim and the runtime keep to themselves.
#include <filesystem>
#include <future>
#include <map>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using PrivilegeTest = NodeTest;

TEST_F(PrivilegeTest, AmbientCapabilitiesReachUsersOtherThanRoot) {
  const PodRef pod = RunPod("ambient");
  cri::ContainerConfig config = ContainerOf("main", "grep -E 'CapEff|CapAmb' /proc/self/status");
  Security(config).mutable_run_as_user()->set_value(1000);
  EXPECT_EQ(OutputOf(pod, config), "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
  Rename(config, "ambient");
  Security(config).mutable_capabilities()->add_add_ambient_capabilities("NET_BIND_SERVICE");
  EXPECT_EQ(OutputOf(pod, config), "CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n");
}

TEST_F(PrivilegeTest, CapabilitiesAreAddedAndDroppedInEitherSpelling) {
  const PodRef pod = RunPod("capabilities");
  const auto bounding = [&](const std::string& name, const std::vector<std::string>& add,
                            const std::vector<std::string>& drop) {
    cri::ContainerConfig config = ContainerOf(name, "grep CapBnd /proc/self/status");
    for (const auto& one : add) Security(config).mutable_capabilities()->add_add_capabilities(one);
    for (const auto& one : drop) Security(config).mutable_capabilities()->add_drop_capabilities(one);
    return OutputOf(pod, config).substr(8);
  };
  EXPECT_EQ(bounding("added", {"NET_ADMIN"}, {}), "00000000a80435fb\n");
  EXPECT_EQ(bounding("dropped", {}, {"cap_net_raw"}), "00000000a80405fb\n");
  EXPECT_EQ(bounding("none", {}, {"ALL"}), "0000000000000000\n");
  EXPECT_EQ(bounding("one", {"CAP_CHOWN"}, {"ALL"}), "0000000000000001\n");
  EXPECT_NE(bounding("all", {"ALL"}, {}), "00000000a80425fb\n");
}

TEST_F(PrivilegeTest, NoNewPrivilegesAndAReadOnlyRoot) {
  const PodRef pod = RunPod("flags");
  cri::ContainerConfig config =
      ContainerOf("main", "grep NoNewPrivs /proc/self/status; touch /new 2>&1; touch /tmp/x 2>&1; true");
  EXPECT_EQ(OutputOf(pod, config), "NoNewPrivs:\t0\n");
  Rename(config, "strict");
  Security(config).set_no_new_privs(true);
  Security(config).set_readonly_rootfs(true);
  EXPECT_EQ(OutputOf(pod, config),
            "NoNewPrivs:\t1\ntouch: /new: Read-only file system\ntouch: /tmp/x: Read-only file system\n");
}

TEST_F(PrivilegeTest, SysctlsOfThePodAreSetAndOthersRefused) {
  cri::PodSandboxConfig config = PodConfig("sysctls");
  auto& sysctls = *config.mutable_linux()->mutable_sysctls();
  sysctls["kernel.shm_rmid_forced"] = "1";
  sysctls["fs.mqueue.msg_max"] = "100";
  sysctls["net/ipv4/ip_unprivileged_port_start"] = "81";
  const PodRef pod = RunPod(config);
  EXPECT_EQ(OutputOf(pod, ContainerOf("main",
                                      "cd /proc/sys; cat kernel/shm_rmid_forced fs/mqueue/msg_max "
                                      "net/ipv4/ip_unprivileged_port_start")),
            "1\n100\n81\n");
  // CRI-O's CVE-2022-0811: its helper took what follows a "+" for the next sysctl.
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"kernel.core_pattern", "|/x"},
                                          {"kernel.shm_rmid_forced+x", "1"},
                                          {"kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x"},
                                          {"net.ipv4/../../kernel/core_pattern", "|/x"}}) {
    cri::PodSandboxConfig bad = PodConfig("bad");
    (*bad.mutable_linux()->mutable_sysctls())[name] = value;
    const auto answer = cri().RunPod(bad);
    EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT) << name;
    EXPECT_THAT(answer.text(), HasSubstr("sysctls"));
  }
}

// Of a version 3 file, as containerd 2.x.
class Version3Test : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.config = [](const NodePaths& paths) {
      const std::string runtime = "[plugins.'io.containerd.cri.v1.runtime'";
      return "version = 3\nroot = '" + paths.root_parent() + "'\nstate = '" + paths.state_parent() +
             "'\n[crisp]\nshim = '" CRISP_SHIM "'\n[grpc]\naddress = '" + paths.socket() +
             "'\n[debug]\nlevel = 'debug'\n" + runtime + ".cni]\nbin_dir = '" + paths.cni_bin_dir() +
             "'\nconf_dir = '" + paths.cni_conf_dir() + "'\n" + runtime +
             ".containerd.runtimes.runc.options]\nBinaryName = '" + paths.runc() +
             "'\nSystemdCgroup = " + (WithSystemd() ? "true" : "false") +
             "\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = '" + kPause +
             "'\n[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'*']\nendpoint = "
             "['http://127.0.0.1:5000']\n";
    };
    return options;
  }
};

TEST_F(Version3Test, EveryUserMayBindLowPortsAndPing) {
  const PodRef pod = RunPod("unprivileged");
  cri::ContainerConfig config = ContainerOf("main",
                                            "cat /proc/sys/net/ipv4/ip_unprivileged_port_start "
                                            "/proc/sys/net/ipv4/ping_group_range; nc -l -p 80 & until grep -q ':0050 ' "
                                            "/proc/net/tcp*; do kill -0 $! || exit 1; done; echo bound; kill $!");
  Security(config).mutable_run_as_user()->set_value(1234);
  Security(config).mutable_run_as_group()->set_value(50);
  EXPECT_EQ(OutputOf(pod, config), "0\n0\t2147483647\nbound\n");
}

TEST_F(PrivilegeTest, AVersion2FileLeavesLowPortsToRoot) {
  const PodRef pod = RunPod("ports");
  EXPECT_EQ(OutputOf(pod, ContainerOf("main", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start")), "1024\n");
}

TEST_F(PrivilegeTest, NoSignalIsIgnoredByTheFirstProcessOrAnExec) {
  const std::string id = Start(RunPod("signals"), ContainerRunning("main", {"sleep", "1000"}));
  EXPECT_THAT(ReadFile(ProcPath(PidOf(id), "status")), HasSubstr("SigIgn:\t0000000000000000\n"));
  // In a process that the shell forks: the shell itself ignores SIGQUIT.
  EXPECT_EQ(Sh(id, "grep SigIgn /proc/self/status; true"), "SigIgn:\t0000000000000000\n");
}

TEST_F(PrivilegeTest, NoPathIsMaskedTwice) {
  cri::ContainerConfig config = ContainerOf("main", "cut -d ' ' -f 5 /proc/self/mountinfo | sort | uniq -d");
  for (const char* path : {"/proc/kcore", "/proc/kcore", "/sys/firmware", "/sys/devices/virtual/powercap"}) {
    Security(config).add_masked_paths(path);
  }
  for (const char* path : {"/proc/sys", "/proc/sys/"}) Security(config).add_readonly_paths(path);
  EXPECT_EQ(OutputOf(RunPod("masked"), config), "");
}

TEST_F(PrivilegeTest, PrivilegedSeesTheHostsDevicesAndMayMount) {
  cri::PodSandboxConfig pod_config = PodConfig("privileged");
  Security(pod_config).set_privileged(true);
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config =
      ContainerOf("main",
                  "test -c /dev/loop-control && (exec 3<> /dev/loop-control) && mount -t tmpfs x /tmp && "
                  "brctl addbr foobar && echo bridge");
  Security(config).set_privileged(true);
  Security(config).add_masked_paths("/proc/kcore");
  EXPECT_EQ(OutputOf(pod, config), "bridge\n");
  Rename(config, "ordinary");
  Security(config).set_privileged(false);
  EXPECT_NE(RunToEnd(pod, config).exit_code(), 0);
}

// --- Namespaces ---

TEST_F(PrivilegeTest, AContainerSeesTheProcessesOfItsTarget) {
  const PodRef pod = RunPod("target");
  const std::string target = Start(pod, ContainerOf("target", "sleep 12345"));
  cri::ContainerConfig config = ContainerOf("debugger", "ps; readlink /proc/self/ns/pid");
  Namespaces(config).set_pid(cri::TARGET);
  Namespaces(config).set_target_id(target);
  const std::string output = OutputOf(pod, config);
  EXPECT_THAT(output, HasSubstr("sleep 12345"));
  EXPECT_THAT(output, HasSubstr(Sh(target, "readlink /proc/self/ns/pid")));
  EXPECT_THAT(OutputOf(pod, ContainerOf("stranger", "ps")), Not(HasSubstr("sleep 12345")));

  Rename(config, "late");
  Must(cri().StopContainer(target, 0));
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text(), HasSubstr("target_id"));
  // A container of another pod is no target.
  const PodRef other = RunPod("other");
  Namespaces(config).set_target_id(Start(other, ContainerOf("main", "sleep 1000")));
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("target_id"));
}

TEST_F(PrivilegeTest, TheHostsProcessesAreSeenWhereThePodAsksForIt) {
  cri::PodSandboxConfig pod_config = PodConfig("host-pid");
  Namespaces(pod_config).set_pid(cri::NODE);
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config = ContainerOf("main", "ps");
  Namespaces(config).set_pid(cri::NODE);
  EXPECT_THAT(OutputOf(pod, config), HasSubstr("crispd"));
}

// --- What is kept from containers ---

// runc's CVE-2024-21626: a container inherited a descriptor of a directory of the host.
TEST_F(PrivilegeTest, AProcessHasNoDescriptorsBesidesStdio) {
  const auto descriptors = [](pid_t pid) {
    std::vector<std::string> numbers;
    for (const auto& entry : std::filesystem::directory_iterator(ProcPath(pid, "fd"))) {
      numbers.push_back(entry.path().filename());
    }
    return numbers;
  };
  const PodRef pod = RunPod("descriptors");
  const std::string id = Start(pod, ContainerRunning("main", {"sleep", "1001"}));
  const std::vector<std::string> stdio{"0", "1", "2"};
  EXPECT_THAT(descriptors(PidOf(pod.id)), UnorderedElementsAreArray(stdio));
  EXPECT_THAT(descriptors(PidByCommand("sleep 1001")), UnorderedElementsAreArray(stdio));
  auto exec = std::async(std::launch::async, [&] { return cri().Exec(id, {"sleep", "1002"}); });
  WaitFor("the exec to run", std::chrono::seconds(20), [] { return Runs("sleep 1002"); });
  EXPECT_THAT(descriptors(PidByCommand("sleep 1002")), UnorderedElementsAreArray(stdio));
  Must(cri().StopContainer(id, 0));
  exec.wait();
}

// containerd's CVE-2021-41103 and CVE-2024-25621.
TEST_F(PrivilegeTest, APodsDirectoryIsClosedToOthers) {
  const std::string path = node().paths().pod(RunPod("closed").id);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
}

// CRI-O's CVE-2025-0750: the daemon unmounted a path that a log directory led to.
TEST_F(PrivilegeTest, MountsOfOthersStayMounted) {
  const std::string place = node().paths().directory() + "/somebody";
  for (const char* name : {"/logs", "/volume"}) {
    MakeDirectory(place + name);
    e2e::Run("/bin/mount", {"-t", "tmpfs", "somebody", place + name});
    WriteFile(place + name + "/theirs", "");
  }
  std::filesystem::create_directory_symlink(place + "/logs", node().paths().directory() + "/link");
  cri::PodSandboxConfig pod_config = PodConfig("mounts");
  pod_config.set_log_directory(node().paths().directory() + "/link");
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config = ContainerOf("main", "sleep 1000");
  AddMount(config, place + "/volume", "/volume");
  const std::string id = Start(pod, config);
  EXPECT_EQ(Sh(id, "ls /volume"), "theirs\n");
  Must(cri().StopContainer(id, 0));
  Must(cri().RemoveContainer(id));
  RemoveAllPods();
  for (const char* name : {"/logs", "/volume"}) {
    EXPECT_TRUE(FileExists(place + name + "/theirs")) << name;
    e2e::Run("/bin/umount", {place + name});
  }
}

}  // namespace
}  // namespace crisp::e2e
