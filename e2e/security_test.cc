// What confines a container, seen from inside.
#include <filesystem>
#include <future>
#include <map>
#include <sstream>

#include "e2e/cri_log.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;

class SecurityTest : public NodeTest {
 protected:
  static cri::LinuxContainerSecurityContext& Security(cri::ContainerConfig& config) {
    return *config.mutable_linux()->mutable_security_context();
  }
  static cri::LinuxSandboxSecurityContext& Security(cri::PodSandboxConfig& config) {
    return *config.mutable_linux()->mutable_security_context();
  }

  std::string OutputOf(const PodRef& pod, const cri::ContainerConfig& config) {
    const std::string& name = config.metadata().name();
    const cri::ContainerStatus status = RunToEnd(pod, config);
    const auto log = ParseLog(ReadFile(LogPath(pod, name)));
    EXPECT_EQ(status.exit_code(), 0) << status.message() << Written(log, "stderr");
    return Written(log, "stdout");
  }

  static void Bind(cri::ContainerConfig& config, const std::string& from, const std::string& to) {
    cri::Mount* mount = config.add_mounts();
    mount->set_host_path(from);
    mount->set_container_path(to);
    mount->set_readonly(true);
  }

  // What e2e/probe.cc found in a container of `config`'s kind: errno by call.
  std::map<std::string, int> Probe(const PodRef& pod, cri::ContainerConfig config) {
    Bind(config, CRISP_PROBE, "/probe");
    config.clear_command();
    config.add_command("/probe");
    std::map<std::string, int> results;
    std::istringstream lines(OutputOf(pod, config));
    std::string name;
    for (int error = 0; lines >> name >> error;) results[name] = error;
    EXPECT_GE(results.size(), 10u);
    return results;
  }

  std::string SpecOf(const PodRef& pod, const std::string& container) {
    return ReadFile(node().state() + "/pods/" + pod.id + "/" + container + "/config.json");
  }
};

// --- seccomp ---

TEST_F(SecurityTest, WithoutAWishThereIsNoSeccomp) {
  const PodRef pod = RunPod("unset");
  EXPECT_EQ(OutputOf(pod, ContainerOf("main", "grep Seccomp: /proc/self/status")), "Seccomp:\t0\n");
}

TEST_F(SecurityTest, TheDefaultProfileRefusesWhatLeadsOut) {
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
  const auto old = with.find("socketcall-alg");
  if (old != with.end()) {
    EXPECT_NE(old->second, 0);
  }
}

TEST_F(SecurityTest, OrdinaryProgramsRunUnderTheDefaultProfile) {
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

TEST_F(SecurityTest, ALocalProfileIsByItsPath) {
  const std::string path = node().directory() + "/no-chmod.json";
  WriteFile(path, R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}]})");
  cri::PodSandboxConfig pod_config = PodConfig("local");
  Security(pod_config).set_privileged(true);
  Security(pod_config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(pod_config).mutable_seccomp()->set_localhost_ref(path);
  const PodRef pod = RunPod(pod_config);
  EXPECT_THAT(ReadFile("/proc/" + std::to_string(PidOf(pod.id)) + "/status"), HasSubstr("Seccomp:\t2"));
  cri::ContainerConfig config = ContainerOf("main", "chmod 400 /tmp 2>&1; grep Seccomp: /proc/self/status");
  *Security(config).mutable_seccomp() = Security(pod_config).seccomp();
  EXPECT_THAT(OutputOf(pod, config), AllOf(HasSubstr("Operation not permitted"), HasSubstr("Seccomp:\t2")));
  config.mutable_metadata()->set_name("privileged");
  config.set_log_path("privileged.log");
  Security(config).set_privileged(true);
  EXPECT_EQ(OutputOf(pod, config), "Seccomp:\t0\n");
  config.mutable_metadata()->set_name("deprecated");
  config.set_log_path("deprecated.log");
  Security(config).set_privileged(false);
  Security(config).clear_seccomp();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Security(config).set_seccomp_profile_path("localhost/" + path);
#pragma GCC diagnostic pop
  EXPECT_THAT(OutputOf(pod, config), HasSubstr("Operation not permitted"));
}

TEST_F(SecurityTest, ABrokenLocalProfileIsNamedWithItsFault) {
  const PodRef pod = RunPod("broken");
  const std::string path = node().directory() + "/broken.json";
  WriteFile(path, R"({"defaultAction": "SCMP_ACT_ALLOW", "sysclls": []})");
  cri::ContainerConfig config = ContainerOf("main", "true");
  Security(config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(config).mutable_seccomp()->set_localhost_ref(path);
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text(), AllOf(HasSubstr(path), HasSubstr("sysclls")));
}

class DefaultSeccompTest : public SecurityTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cri_toml = "unset_seccomp_profile = \"runtime/default\"\nenable_unprivileged_ports = true\n";
    return options;
  }
};

TEST_F(DefaultSeccompTest, TheConfigurationSaysWhatHoldsWithoutAWish) {
  const PodRef pod = RunPod("configured");
  cri::ContainerConfig config = ContainerOf("main", "grep Seccomp: /proc/self/status");
  EXPECT_EQ(OutputOf(pod, config), "Seccomp:\t2\n");
  config =
      ContainerOf("unconfined", "grep Seccomp: /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
  Security(config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_EQ(OutputOf(pod, config), "Seccomp:\t0\n0\n");
}

// --- The OCI runtime ---

// runc's CVE-2024-21626, CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881 can be mended by nobody else.
class RuntimesTest : public SecurityTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options;
    options.pull_images = false;
    for (const char* version : {"1.1.5", "1.2.9"}) {
      const std::string name = "version-" + std::string(version);
      const std::string path = machine.directory + "/" + name;
      WriteScript(path, "#!/bin/sh\n[ $1 = --version ] && echo runc version " + std::string(version) + "\n");
      options.extra_toml += Runtime(name, path);
    }
    options.extra_toml += Runtime("missing", "runc-that-is-missing");
    return options;
  }

 private:
  static std::string Runtime(const std::string& name, const std::string& binary) {
    const std::string table = "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.\"" + name + "\"";
    return table + "]\nruntime_type = \"io.containerd.runc.v2\"\n" + table + ".options]\nBinaryName = \"" + binary +
           "\"\n";
  }
};

TEST_F(RuntimesTest, OneThatIsMissingFailsItsOwnPodsOnly) {
  EXPECT_THAT(node().Log(), HasSubstr("a runtime is missing runtime=missing error=\"no program runc-that-is-missing"));
  const auto refused = cri().RunPod(PodConfig("refused"), kCallTimeout, "missing");
  EXPECT_THAT(refused.text(), HasSubstr("runc-that-is-missing"));
  EXPECT_THAT(Must(cri().Call(&Runtime::ListPodSandbox, cri::ListPodSandboxRequest())).items(), testing::IsEmpty());
}

TEST_F(RuntimesTest, ItsHandlerVersionAndHolesAreNamedAtStart) {
  const std::string log = node().Log();
  EXPECT_THAT(log, AllOf(HasSubstr("has patched it runtime=version-1.1.5 version=1.1.5 "),
                         Not(HasSubstr("patched it runtime=version-1.2.9"))));
  EXPECT_THAT(log, HasSubstr("CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881"));
}

// --- Users and groups ---

// CVE-2023-25173 and CRI-O's CVE-2022-2995: a group too many, or the primary one missing.
TEST_F(SecurityTest, GroupsAreThoseOfEveryCombination) {
  const PodRef pod = RunPod("groups");
  struct Case {
    int64_t uid;  // -1: unset
    int64_t gid;  // -1: unset
    std::vector<int64_t> more;
    cri::SupplementalGroupsPolicy policy;
    int64_t expected_gid;
    std::vector<int64_t> expected;
  };
  // app is 1234, of group 50, and a member of 50 and 60.
  const std::vector<Case> cases = {
      {-1, -1, {}, cri::Merge, 0, {0}},
      {-1, -1, {7}, cri::Merge, 0, {0, 7}},
      {-1, -1, {0, 0}, cri::Strict, 0, {0}},
      {1234, -1, {}, cri::Merge, 50, {50, 60}},
      {1234, -1, {7, 60}, cri::Merge, 50, {50, 60, 7}},
      {1234, -1, {7}, cri::Strict, 50, {50, 7}},
      {1234, -1, {}, cri::Strict, 50, {50}},
      {1234, 99, {}, cri::Merge, 99, {99, 50, 60}},
      {1234, 99, {7}, cri::Merge, 99, {99, 50, 60, 7}},
      {1234, 99, {7}, cri::Strict, 99, {99, 7}},
      {1234, 0, {}, cri::Strict, 0, {0}},
      {7777, -1, {}, cri::Merge, 0, {0}},
      {7777, 88, {9}, cri::Merge, 88, {88, 9}},
      {7777, 88, {9}, cri::Strict, 88, {88, 9}},
      {2147483647, 2147483647, {}, cri::Merge, 2147483647, {2147483647}},
  };
  int number = 0;
  for (const Case& c : cases) {
    const std::string name = "case-" + std::to_string(number++);
    cri::ContainerConfig config = ContainerOf(name, "id -u; id -g; id -G");
    if (c.uid >= 0) Security(config).mutable_run_as_user()->set_value(c.uid);
    if (c.gid >= 0) Security(config).mutable_run_as_group()->set_value(c.gid);
    if (c.gid >= 0 && c.uid < 0) continue;
    for (const int64_t gid : c.more) Security(config).add_supplemental_groups(gid);
    Security(config).set_supplemental_groups_policy(c.policy);
    std::istringstream output(OutputOf(pod, config));
    int64_t uid = -1, gid = -1;
    output >> uid >> gid;
    std::vector<int64_t> groups;
    for (int64_t group = 0; output >> group;) groups.push_back(group);
    EXPECT_EQ(uid, c.uid < 0 ? 0 : c.uid) << name;
    EXPECT_EQ(gid, c.expected_gid) << name;
    EXPECT_THAT(groups, UnorderedElementsAreArray(c.expected)) << name;
  }
}

TEST_F(SecurityTest, AUserMayBeGivenByName) {
  const PodRef pod = RunPod("by-name");
  cri::ContainerConfig config = ContainerOf("main", "id -u; id -G; sleep 1000");
  Security(config).set_run_as_username("app");
  const std::string id = Start(pod, config);
  EXPECT_EQ(Sh(id, "id -nu; id -G"), "app\n50 60\n");
  const cri::LinuxContainerUser user = StatusOf(id).user().linux();
  EXPECT_EQ(user.uid(), 1234);
  EXPECT_EQ(user.gid(), 50);
  EXPECT_THAT(user.supplemental_groups(), ElementsAre(50, 60));
}

// CVE-2026-46680: a number was taken for a name, and its entry was root's. CVE-2024-40635: one too large became 0.
TEST_F(SecurityTest, ANumberIsNeverANameAndNeverTooLarge) {
  for (const char* image : {kOddUsers, kOverflow}) Must(cri().Pull(image));
  const PodRef pod = RunPod("numbers");
  cri::ContainerConfig config = ContainerOf("number", "cat /proc/self/status | grep ^Uid; echo $HOME");
  config.mutable_image()->set_image(kOddUsers);
  EXPECT_EQ(OutputOf(pod, config), "Uid:\t1000\t1000\t1000\t1000\n/\n");
  config.mutable_image()->set_image(kOverflow);
  config.mutable_metadata()->set_name("overflow");
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("4294967296"));
}

// CRI-O's CVE-2022-4318: a line of one's own in what others read line by line.
TEST_F(SecurityTest, AHomeWithAControlCharacterIsRefused) {
  Must(cri().Pull(kOddUsers));
  const PodRef pod = RunPod("home");
  cri::ContainerConfig config = ContainerOf("main", "true");
  config.mutable_image()->set_image(kOddUsers);
  Security(config).set_run_as_username("bell");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("control character"));
  Security(config).clear_run_as_username();
  config.add_envs()->set_key("HOME");
  config.mutable_envs(0)->set_value("/root\nroot::0:0::/:/bin/sh");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("envs[0].value"));
}

// CVE-2026-47262: the daemon's memory was as much as the image wanted.
TEST_F(SecurityTest, AHugePasswdIsRefused) {
  Must(cri().Pull(kHugePasswd));
  const PodRef pod = RunPod("huge");
  cri::ContainerConfig config = ContainerOf("main", "true");
  config.mutable_image()->set_image(kHugePasswd);
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("/etc/passwd"));
}

// CVE-2026-53488: labels of an image were orders.
TEST_F(SecurityTest, LabelsOfAnImageAreInert) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("labels");
  cri::ContainerConfig config = ContainerOf("main", "true");
  config.mutable_image()->set_image(kDefaults);
  const std::string id = Create(pod, config);
  EXPECT_THAT(SpecOf(pod, id), AllOf(HasSubstr("FROM_IMAGE"), Not(HasSubstr("inert"))));
  EXPECT_TRUE(StatusOf(id).labels().empty());
}

// --- Capabilities and privileges ---

TEST_F(SecurityTest, AmbientCapabilitiesAreHadByOtherUsersThanRoot) {
  const PodRef pod = RunPod("ambient");
  cri::ContainerConfig config = ContainerOf("main", "grep -E 'CapEff|CapAmb' /proc/self/status");
  Security(config).mutable_run_as_user()->set_value(1000);
  EXPECT_EQ(OutputOf(pod, config), "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
  config.mutable_metadata()->set_name("ambient");
  config.set_log_path("ambient.log");
  Security(config).mutable_capabilities()->add_add_ambient_capabilities("NET_BIND_SERVICE");
  EXPECT_EQ(OutputOf(pod, config), "CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n");
}

TEST_F(SecurityTest, CapabilitiesAreAddedAndDroppedInEitherSpelling) {
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

TEST_F(SecurityTest, NoNewPrivilegesAndAReadOnlyRoot) {
  const PodRef pod = RunPod("flags");
  cri::ContainerConfig config =
      ContainerOf("main", "grep NoNewPrivs /proc/self/status; touch /new 2>&1; touch /tmp/x 2>&1; true");
  EXPECT_EQ(OutputOf(pod, config), "NoNewPrivs:\t0\n");
  config.mutable_metadata()->set_name("strict");
  config.set_log_path("strict.log");
  Security(config).set_no_new_privs(true);
  Security(config).set_readonly_rootfs(true);
  EXPECT_EQ(OutputOf(pod, config),
            "NoNewPrivs:\t1\ntouch: /new: Read-only file system\ntouch: /tmp/x: Read-only file system\n");
}

TEST_F(SecurityTest, SysctlsOfThePodAreSetAndOthersRefused) {
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
  // CRI-O's CVE-2022-0811 came in by a "+" that a helper took for the beginning of another one.
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

// --- Namespaces ---

TEST_F(SecurityTest, AContainerSeesTheProcessesOfItsTarget) {
  const PodRef pod = RunPod("target");
  const std::string target = Start(pod, ContainerOf("target", "sleep 12345"));
  cri::ContainerConfig config = ContainerOf("debugger", "ps; readlink /proc/self/ns/pid");
  auto* options = Security(config).mutable_namespace_options();
  options->set_pid(cri::TARGET);
  options->set_target_id(target);
  const std::string output = OutputOf(pod, config);
  EXPECT_THAT(output, HasSubstr("sleep 12345"));
  EXPECT_THAT(output, HasSubstr(Sh(target, "readlink /proc/self/ns/pid")));
  EXPECT_THAT(OutputOf(pod, ContainerOf("stranger", "ps")), Not(HasSubstr("sleep 12345")));

  config.mutable_metadata()->set_name("late");
  Must(cri().StopContainer(target, 0));
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text(), HasSubstr("target_id"));
  // That of another pod is none of this one's.
  const PodRef other = RunPod("other");
  options->set_target_id(Start(other, ContainerOf("main", "sleep 1000")));
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("target_id"));
}

TEST_F(SecurityTest, TheHostsProcessesAreSeenWhereAskedFor) {
  cri::PodSandboxConfig pod_config = PodConfig("host-pid");
  Security(pod_config).mutable_namespace_options()->set_pid(cri::NODE);
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config = ContainerOf("main", "ps");
  Security(config).mutable_namespace_options()->set_pid(cri::NODE);
  EXPECT_THAT(OutputOf(pod, config), HasSubstr("crispd"));
}

// --- AppArmor and SELinux, on a node that may have neither ---

TEST_F(SecurityTest, AnApparmorProfileThatIsNotLoadedIsAnErrorThatNamesIt) {
  const PodRef pod = RunPod("apparmor");
  cri::ContainerConfig config = ContainerOf("main", "true");
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(config).mutable_apparmor()->set_localhost_ref("localhost/no-such-profile");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("no-such-profile"));
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  Security(config).mutable_apparmor()->clear_localhost_ref();
  EXPECT_EQ(OutputOf(pod, config), "");
}

// What the kernel of this machine can do is what must hold: e2e/systemd_node.sh --vm has one with AppArmor.
bool KernelHasApparmor() {
  return ReadFile("/sys/module/apparmor/parameters/enabled") == "Y\n";
}

std::string ConfinementOf(pid_t pid) {
  return ReadFile("/proc/" + std::to_string(pid) + "/attr/current");
}

// A profile that is loaded as long as this lives.
class LoadedProfile {
 public:
  LoadedProfile(const std::string& path, const std::string& text) : path_(path) {
    WriteFile(path_, text);
    e2e::Run(kParser, {"--replace", "--skip-cache", path_});
  }
  ~LoadedProfile() { e2e::Run(kParser, {"--remove", path_}); }
  LoadedProfile(const LoadedProfile&) = delete;
  LoadedProfile& operator=(const LoadedProfile&) = delete;

 private:
  static constexpr char kParser[] = "/usr/sbin/apparmor_parser";
  const std::string path_;
};

TEST_F(SecurityTest, TheDefaultApparmorProfileConfinesWhereTheKernelHasIt) {
  const std::string confined = KernelHasApparmor() ? "crisp-default (enforce)\n" : "";
  const std::string open = KernelHasApparmor() ? "unconfined\n" : "";
  cri::PodSandboxConfig pod_config = PodConfig("default-profile");
  Security(pod_config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  const PodRef pod = RunPod(pod_config);
  EXPECT_EQ(ConfinementOf(PidOf(pod.id)), confined);

  cri::ContainerConfig config = ContainerOf("wished", "sleep 1000");
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  Security(config).mutable_capabilities()->add_add_capabilities("SYS_ADMIN");
  const std::string wished = Start(pod, config);
  EXPECT_EQ(ConfinementOf(PidOf(wished)), confined);
  const auto mount = Must(cri().Exec(wished, {"mount", "-t", "tmpfs", "x", "/tmp"}, 30));
  EXPECT_EQ(mount.exit_code() != 0, KernelHasApparmor()) << mount.stderr();
  EXPECT_EQ(Sh(wished, "cat /proc/self/attr/current 2> /dev/null; true"), confined) << "of an exec";
  EXPECT_EQ(ConfinementOf(PidOf(Start(pod, ContainerOf("unset", "sleep 1000")))), confined);

  config.mutable_metadata()->set_name("unconfined");
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_EQ(ConfinementOf(PidOf(Start(pod, config))), open);
}

TEST_F(SecurityTest, ALocalApparmorProfileConfinesWhereTheKernelHasIt) {
  const PodRef pod = RunPod("local-profile");
  cri::ContainerConfig config = ContainerOf("main", "cat /etc/passwd > /dev/null 2>&1 || echo denied; sleep 1000");
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(config).mutable_apparmor()->set_localhost_ref("crisp-e2e");
  if (!KernelHasApparmor()) {
    EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(),
                HasSubstr("\"crisp-e2e\" is asked for, and AppArmor is not enabled"));
    return;
  }
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("\"crisp-e2e\" is not loaded"));
  const LoadedProfile profile(node().directory() + "/profile",
                              "profile crisp-e2e flags=(attach_disconnected) {\n  capability,\n  file,\n  network,\n"
                              "  mount,\n  umount,\n  signal,\n  ptrace,\n  deny /etc/passwd r,\n}\n");
  const std::string id = Start(pod, config);
  EXPECT_EQ(ConfinementOf(PidOf(id)), "crisp-e2e (enforce)\n");
  WaitFor("the container to have tried", std::chrono::seconds(30),
          [&] { return Written(ParseLog(ReadFile(LogPath(pod, "main"))), "stdout") == "denied\n"; });
  Must(cri().StopContainer(id, 0));
}

TEST_F(SecurityTest, SelinuxOptionsAreLeftOutWithoutSelinux) {
  const PodRef pod = RunPod("selinux");
  cri::ContainerConfig config = ContainerOf("main", "true");
  Security(config).mutable_selinux_options()->set_level("s0:c4,c5");
  EXPECT_EQ(OutputOf(pod, config), "");
}

// --- Devices ---

TEST_F(SecurityTest, DevicesCanBeUsedAsFarAsTheyWereGiven) {
  const PodRef pod = RunPod("devices");
  // One that every machine has, that costs nothing to open, and that no container gets by default.
  const std::string script =
      "ls -l /dev/mine | cut -c1; (exec 3< /dev/mine) 2>&1 && echo read; (exec 3<> /dev/mine) 2>&1 && echo write; true";
  cri::ContainerConfig config = ContainerOf("both", script);
  cri::Device* device = config.add_devices();
  device->set_host_path("/dev/loop-control");
  device->set_container_path("/dev/mine");
  device->set_permissions("rw");
  EXPECT_EQ(OutputOf(pod, config), "c\nread\nwrite\n");
  config.mutable_metadata()->set_name("read");
  config.set_log_path("read.log");
  device->set_permissions("r");
  EXPECT_THAT(OutputOf(pod, config), AllOf(HasSubstr("c\nread\n"), Not(HasSubstr("write"))));
  config.mutable_metadata()->set_name("none");
  config.set_log_path("none.log");
  config.clear_devices();
  config.mutable_command(2)->assign("mknod /dev/mine c 10 237; (exec 3< /dev/mine) 2>&1; true");
  EXPECT_THAT(OutputOf(pod, config), HasSubstr("Operation not permitted"));
}

TEST_F(SecurityTest, ADirectoryOfDevicesAndALinkToOne) {
  const PodRef pod = RunPod("directory");
  const std::string directory = node().directory() + "/devices";
  MakeDirectory(directory);
  e2e::Run("/bin/mknod", {directory + "/zero", "c", "1", "5"});
  std::filesystem::create_symlink("/dev/null", node().directory() + "/link");
  cri::ContainerConfig config =
      ContainerOf("main", "head -c 3 /dev/all/zero | wc -c; echo x > /dev/gone; cat /dev/gone");
  for (const auto& [host, container] :
       std::map<std::string, std::string>{{directory, "/dev/all"}, {node().directory() + "/link", "/dev/gone"}}) {
    cri::Device* device = config.add_devices();
    device->set_host_path(host);
    device->set_container_path(container);
    device->set_permissions("rwm");
  }
  EXPECT_EQ(OutputOf(pod, config), "3\n");
}

class DeviceOwnerTest : public SecurityTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cri_toml = "device_ownership_from_security_context = true\n";
    return options;
  }
};

TEST_F(DeviceOwnerTest, DevicesBelongToTheUserWhereTheConfigurationSaysSo) {
  const PodRef pod = RunPod("owner");
  cri::ContainerConfig config = ContainerOf("main", "stat -c '%u %g' /dev/mine");
  cri::Device* device = config.add_devices();
  device->set_host_path("/dev/loop-control");
  device->set_container_path("/dev/mine");
  device->set_permissions("rw");
  Security(config).mutable_run_as_user()->set_value(1234);
  Security(config).mutable_run_as_group()->set_value(50);
  EXPECT_EQ(OutputOf(pod, config), "1234 50\n");
}

class CdiTest : public SecurityTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    directory_ = machine.directory + "/cdi";
    NodeOptions options;
    options.cri_toml = "cdi_spec_dirs = [\"" + directory_ + "\"]\n";
    return options;
  }
  std::string directory_;
};

TEST_F(CdiTest, ADeviceOfAVendorBringsAllThatItNeeds) {
  const PodRef pod = RunPod("cdi");
  cri::ContainerConfig config =
      ContainerOf("main", "echo $VENDOR $ALL; cat /vendor/file; (exec 3<> /dev/thing) && echo open");
  config.add_cdi_devices()->set_name("vendor.example/thing=zero");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("vendor.example/thing=zero"));

  // Nobody tells the daemon: it looks when it is asked.
  WriteFile(node().directory() + "/library/file", "of the vendor\n");
  WriteFile(directory_ + "/vendor.json", R"({"cdiVersion": "0.6.0", "kind": "vendor.example/thing",
    "containerEdits": {"env": ["ALL=yes"]},
    "devices": [{"name": "zero", "containerEdits": {
      "env": ["VENDOR=yes"],
      "deviceNodes": [{"path": "/dev/thing", "hostPath": "/dev/loop-control", "permissions": "rw"}],
      "mounts": [{"hostPath": ")" + node().directory() +
                                             R"(/library", "containerPath": "/vendor", "options": ["ro"]}],
      "hooks": [{"hookName": "createContainer", "path": "/bin/busybox",
                 "args": ["busybox", "touch", ")" +
                                             node().directory() + R"(/hooked"]}]}}]})");
  EXPECT_EQ(OutputOf(pod, config), "yes yes\nof the vendor\nopen\n");
  EXPECT_TRUE(FileExists(node().directory() + "/hooked"));

  cri::ContainerConfig annotated = ContainerOf("annotated", "echo $VENDOR");
  (*annotated.mutable_annotations())["cdi.k8s.io/plugin_1"] = "vendor.example/thing=zero";
  EXPECT_EQ(OutputOf(pod, annotated), "yes\n");
}

// --- What the daemon, the shim and the runtime keep to themselves ---

// runc's CVE-2024-21626 was a descriptor of the host that a container had.
TEST_F(SecurityTest, AProcessHasTheDescriptorsThatItWasGivenAndNoOther) {
  const auto descriptors = [](pid_t pid) {
    std::vector<std::string> numbers;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
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
  WaitFor("the exec to run", std::chrono::seconds(20), [&] {
    for (const std::string& process : ProcessList({})) {
      if (process.find(" sleep 1002") != std::string::npos) return true;
    }
    return false;
  });
  EXPECT_THAT(descriptors(PidByCommand(" sleep 1002")), UnorderedElementsAreArray(stdio));
  Must(cri().StopContainer(id, 0));
  exec.wait();
}

// CVE-2021-41103 and CVE-2024-25621.
TEST_F(SecurityTest, APodsDirectoryIsClosedToOthers) {
  const std::string path = node().state() + "/pods/" + RunPod("closed").id;
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
}

// CRI-O's CVE-2025-0750: a log path that the daemon unmounted.
TEST_F(SecurityTest, WhatSomebodyHasMountedStaysMounted) {
  const std::string place = node().directory() + "/somebody";
  for (const char* name : {"/logs", "/volume"}) {
    MakeDirectory(place + name);
    e2e::Run("/bin/mount", {"-t", "tmpfs", "somebody", place + name});
    WriteFile(place + name + "/theirs", "");
  }
  std::filesystem::create_directory_symlink(place + "/logs", node().directory() + "/link");
  cri::PodSandboxConfig pod_config = PodConfig("mounts");
  pod_config.set_log_directory(node().directory() + "/link");
  const PodRef pod = RunPod(pod_config);
  cri::ContainerConfig config = ContainerOf("main", "sleep 1000");
  cri::Mount* mount = config.add_mounts();
  mount->set_host_path(place + "/volume");
  mount->set_container_path("/volume");
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

// --- Privileged ---

TEST_F(SecurityTest, PrivilegedSeesTheHostsDevicesAndMayMount) {
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
  config.mutable_metadata()->set_name("ordinary");
  Security(config).set_privileged(false);
  EXPECT_NE(RunToEnd(pod, config).exit_code(), 0);
}

}  // namespace
}  // namespace crisp::e2e
