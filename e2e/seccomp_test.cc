// Which system calls a container may make.
#include <map>
#include <sstream>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class SeccompTest : public NodeTest {
 protected:
  // What e2e/probe/probe.cc finds in a container of this kind: the errno of each call, 0 if it works.
  std::map<std::string, int> Probe(const PodRef& pod, cri::ContainerConfig config) {
    AddMount(config, CRISP_PROBE, "/probe").set_readonly(true);
    config.clear_command();
    config.add_command("/probe");
    std::map<std::string, int> results;
    std::istringstream lines(OutputOf(pod, config));
    std::string name;
    for (int error = 0; lines >> name >> error;) results[name] = error;
    EXPECT_GE(results.size(), 10u);
    return results;
  }
};

TEST_F(SeccompTest, WithoutAProfileThereIsNoSeccomp) {
  const PodRef pod = RunPod("unset");
  EXPECT_EQ(OutputOf(pod, ContainerOf("main", "grep Seccomp: /proc/self/status")), "Seccomp:\t0\n");
}

TEST_F(SeccompTest, TheDefaultProfileRefusesDangerousCalls) {
  const PodRef pod = RunPod("default");
  cri::ContainerConfig open = ContainerOf("open", "");
  cri::ContainerConfig confined = ContainerOf("confined", "");
  Security(confined).mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  const auto without = Probe(pod, open);
  const auto with = Probe(pod, confined);
  for (const char* call : {"alg", "vsock", "io_uring", "keyctl", "personality-odd", "unshare-user"}) {
    EXPECT_EQ(with.at(call), EPERM) << call;
    EXPECT_NE(without.at(call), EPERM) << call;
  }
  EXPECT_EQ(with.at("clone3"), ENOSYS);
  for (const char* call : {"inet", "unix", "personality"}) EXPECT_EQ(with.at(call), 0) << call;
  // 32-bit programs make every socket by socketcall(2). No filter can tell the families apart there.
  for (const char* call : {"socketcall-inet", "socketcall-alg"}) EXPECT_EQ(with.at(call), without.at(call)) << call;
  // Debian 12's libseccomp does not know this call, and its runc answers ENOSYS to what is newer.
  EXPECT_THAT(with.at("lsm-list"), AnyOf(without.at("lsm-list"), ENOSYS));
}

TEST_F(SeccompTest, OrdinaryProgramsRunUnderTheDefaultProfile) {
  cri::PodSandboxConfig pod_config = PodConfig("ordinary");
  Security(pod_config).mutable_seccomp();
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config =
      ContainerOf("main",
                  "ls / > /dev/null && echo x | cat && (sleep 0.1 & wait) && date > /dev/null && touch /f && "
                  "chmod 600 /f && ping -c 1 127.0.0.1 > /dev/null && grep Seccomp: /proc/self/status");
  Security(config).mutable_seccomp();
  EXPECT_EQ(OutputOf(pod, config), "x\nSeccomp:\t2\n");
}

TEST_F(SeccompTest, ALocalProfileIsGivenByItsPath) {
  const std::string path = node().paths().directory() + "/no-chmod.json";
  WriteFile(path, R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}]})");
  cri::PodSandboxConfig pod_config = PodConfig("local");
  Security(pod_config).set_privileged(true);
  Security(pod_config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(pod_config).mutable_seccomp()->set_localhost_ref(path);
  const PodRef pod = RunPod(pod_config);
  EXPECT_THAT(ReadFile(ProcPath(PidOf(pod.id), "status")), HasSubstr("Seccomp:\t2"));
  cri::ContainerConfig config = ContainerOf("main", "chmod 400 /tmp 2>&1; grep Seccomp: /proc/self/status");
  *Security(config).mutable_seccomp() = Security(pod_config).seccomp();
  EXPECT_THAT(OutputOf(pod, config), AllOf(HasSubstr("Operation not permitted"), HasSubstr("Seccomp:\t2")));
  Rename(config, "privileged");
  Security(config).set_privileged(true);
  EXPECT_EQ(OutputOf(pod, config), "Seccomp:\t0\n");
  Rename(config, "deprecated");
  Security(config).set_privileged(false);
  Security(config).clear_seccomp();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Security(config).set_seccomp_profile_path("localhost/" + path);
#pragma GCC diagnostic pop
  EXPECT_THAT(OutputOf(pod, config), HasSubstr("Operation not permitted"));
}

TEST_F(SeccompTest, ABrokenLocalProfileIsNamedWithItsFault) {
  const PodRef pod = RunPod("broken");
  const std::string path = node().paths().directory() + "/broken.json";
  WriteFile(path, R"({"defaultAction": "SCMP_ACT_ALLOW", "sysclls": []})");
  cri::ContainerConfig config = ContainerOf("main", "true");
  Security(config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(config).mutable_seccomp()->set_localhost_ref(path);
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text(), AllOf(HasSubstr(path), HasSubstr("sysclls")));
}

class DefaultSeccompTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cri_toml = "unset_seccomp_profile = \"runtime/default\"\nenable_unprivileged_ports = true\n";
    return options;
  }
};

TEST_F(DefaultSeccompTest, TheConfigurationSetsTheProfileOfContainersWithoutOne) {
  const PodRef pod = RunPod("configured");
  cri::ContainerConfig config = ContainerOf("main", "grep Seccomp: /proc/self/status");
  EXPECT_EQ(OutputOf(pod, config), "Seccomp:\t2\n");
  config =
      ContainerOf("unconfined", "grep Seccomp: /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
  Security(config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_EQ(OutputOf(pod, config), "Seccomp:\t0\n0\n");
}

}  // namespace
}  // namespace crisp::e2e
