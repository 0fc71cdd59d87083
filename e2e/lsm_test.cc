// AppArmor and SELinux, on a node that may have neither: e2e/systemd_node.sh --vm has one with AppArmor.
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using LsmTest = NodeTest;

TEST_F(LsmTest, AnApparmorProfileThatIsNotLoadedIsAnErrorThatNamesIt) {
  const PodRef pod = RunPod("apparmor");
  cri::ContainerConfig config = ContainerOf("main", "true");
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Security(config).mutable_apparmor()->set_localhost_ref("localhost/no-such-profile");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("no-such-profile"));
  Security(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  Security(config).mutable_apparmor()->clear_localhost_ref();
  EXPECT_EQ(OutputOf(pod, config), "");
}

bool KernelHasApparmor() {
  return ReadFile("/sys/module/apparmor/parameters/enabled") == "Y\n";
}

std::string ConfinementOf(pid_t pid) {
  return ReadFile(ProcPath(pid, "attr/current"));
}

// Loads a profile into the kernel; the destructor removes it.
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

TEST_F(LsmTest, TheDefaultApparmorProfileConfinesWhereTheKernelHasIt) {
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

TEST_F(LsmTest, ALocalApparmorProfileConfinesWhereTheKernelHasIt) {
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
  const LoadedProfile profile(node().paths().directory() + "/profile",
                              "profile crisp-e2e flags=(attach_disconnected) {\n  capability,\n  file,\n  network,\n"
                              "  mount,\n  umount,\n  signal,\n  ptrace,\n  deny /etc/passwd r,\n}\n");
  const std::string id = Start(pod, config);
  EXPECT_EQ(ConfinementOf(PidOf(id)), "crisp-e2e (enforce)\n");
  WaitFor("the container to have tried", std::chrono::seconds(30),
          [&] { return LoggedOutput(pod, "main") == "denied\n"; });
  Must(cri().StopContainer(id, 0));
}

TEST_F(LsmTest, SelinuxOptionsAreLeftOutWithoutSelinux) {
  const PodRef pod = RunPod("selinux");
  cri::ContainerConfig config = ContainerOf("main", "true");
  Security(config).mutable_selinux_options()->set_level("s0:c4,c5");
  EXPECT_EQ(OutputOf(pod, config), "");
}

}  // namespace
}  // namespace crisp::e2e
