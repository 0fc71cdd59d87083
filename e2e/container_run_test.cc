// What containers run: program, environment, user, mounts, limits and privileges, as the image and the kubelet say.
#include <filesystem>
#include <future>

#include "e2e/cgroup_files.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using ContainerRunTest = NodeTest;

TEST_F(ContainerRunTest, TheImagesDefaultsHold) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("defaults");
  cri::ContainerConfig config = ContainerRunning("defaults", {});
  config.mutable_image()->set_image(kDefaults);
  AddEnv(config, "BOTH", "container");
  const std::string id = Start(pod, config);
  WaitFor("its output", std::chrono::seconds(5),
          [&] { return LoggedOutput(pod, "defaults").find("PATH=") != std::string::npos; });
  const std::vector<std::string> lines = Lines(LoggedOutput(pod, "defaults"));
  EXPECT_THAT(lines, AllOf(Contains("entrypoint cmd0 cmd1"), Contains("/srv"), Contains("FROM_IMAGE=yes"),
                           Contains("BOTH=container"), Contains("HOME=/home"), Contains("HOSTNAME=defaults")));
  EXPECT_THAT(lines, Contains(StartsWith("uid=1234(app) gid=50(staff)")));
  EXPECT_EQ(StatusOf(id).user().linux().uid(), 1234);
  EXPECT_EQ(StatusOf(id).user().linux().gid(), 50);
}

TEST_F(ContainerRunTest, ArgsReplaceTheImagesCommand) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("args");
  cri::ContainerConfig config = ContainerRunning("args", {});
  config.mutable_image()->set_image(kDefaults);
  config.add_args("mine");
  Start(pod, config);
  EXPECT_TRUE(
      Eventually([&] { return LoggedOutput(pod, "args").find("entrypoint mine\n") == 0; }, std::chrono::seconds(5)))
      << LoggedOutput(pod, "args");
}

TEST_F(ContainerRunTest, ACommandReplacesTheImagesEntrypointAndCommand) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("command");
  cri::ContainerConfig config = ContainerRunning("command", {"echo", "only"});
  config.mutable_image()->set_image(kDefaults);
  config.add_args("this");
  EXPECT_EQ(OutputOf(pod, config), "only this\n");
}

TEST_F(ContainerRunTest, EnvironmentWorkingDirectoryAndHostnameAreAsAsked) {
  const PodRef pod = RunPod("environment");
  cri::ContainerConfig config = ContainerOf("env", "pwd; echo \"$ONE|$TWO|$EMPTY|$HOSTNAME\"");
  config.set_working_dir("/made/for/it");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"ONE", "1 = one"}, {"TWO", "two\nlines"}, {"EMPTY", ""}}) {
    AddEnv(config, key, value);
  }
  EXPECT_EQ(OutputOf(pod, config), "/made/for/it\n1 = one|two\nlines||environment\n");
}

TEST_F(ContainerRunTest, RunsAsTheUserAndGroupThatWereAskedFor) {
  const PodRef pod = RunPod("users");
  cri::ContainerConfig by_number = ContainerOf("by-number", "id -u; id -g");
  Security(by_number).mutable_run_as_user()->set_value(4321);
  Security(by_number).mutable_run_as_group()->set_value(8765);
  EXPECT_EQ(OutputOf(pod, by_number), "4321\n8765\n");
  cri::ContainerConfig by_name = ContainerOf("by-name", "id -u; id -g");
  Security(by_name).set_run_as_username("app");
  EXPECT_EQ(OutputOf(pod, by_name), "1234\n50\n");
}

TEST_F(ContainerRunTest, AGroupWithoutAUserAndAnUnknownUserAreRefused) {
  const PodRef pod = RunPod("no-user");
  cri::ContainerConfig group = ContainerOf("group", "id");
  Security(group).mutable_run_as_group()->set_value(8765);
  EXPECT_EQ(cri().CreateContainer(pod.id, pod.config, group).code(), grpc::INVALID_ARGUMENT);
  cri::ContainerConfig name = ContainerOf("name", "id");
  Security(name).set_run_as_username("nobody-of-that-name");
  const auto answer = cri().CreateContainer(pod.id, pod.config, name);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("nobody-of-that-name"));
  EXPECT_THAT(Containers(), IsEmpty());
}

TEST_F(ContainerRunTest, MountsAreBoundReadOnlyWhereAskedAndAMissingHostPathIsMade) {
  const PodRef pod = RunPod("mounts");
  const std::string host = node().paths().directory() + "/host";
  WriteFile(host + "/real/file", "from the host\n");
  std::filesystem::create_symlink("real", host + "/link");
  cri::ContainerConfig config = ContainerOf("mounts",
                                            "cat /ro/file /single; echo written > /rw/new; echo made > /missing/file; "
                                            "echo no > /ro/no && exit 1; exit 0");
  AddMount(config, host + "/real", "/ro").set_readonly(true);
  AddMount(config, host + "/link", "/rw");
  AddMount(config, host + "/real/file", "/single").set_readonly(true);
  AddMount(config, host + "/not/there", "/missing");
  EXPECT_EQ(OutputOf(pod, config), "from the host\nfrom the host\n");
  EXPECT_EQ(ReadFile(host + "/real/new"), "written\n");
  EXPECT_EQ(ReadFile(host + "/not/there/file"), "made\n");
  EXPECT_FALSE(FileExists(host + "/real/no"));
}

TEST_F(ContainerRunTest, CpuAndMemoryLimitsAreInItsCgroup) {
  const PodRef pod = RunPod("limits");
  cri::ContainerConfig config = ContainerOf("limits", "sleep 1000");
  cri::LinuxContainerResources* resources = config.mutable_linux()->mutable_resources();
  resources->set_cpu_shares(512);
  resources->set_cpu_quota(50000);
  resources->set_cpu_period(100000);
  resources->set_memory_limit_in_bytes(64 << 20);
  const pid_t pid = PidOf(Start(pod, config));
  EXPECT_THAT(CgroupFile(pid, "memory", "memory.limit_in_bytes", "memory.max"), std::to_string(64 << 20));
  EXPECT_THAT(CgroupFile(pid, "cpu", "cpu.cfs_quota_us", "cpu.max"), StartsWith("50000"));
  EXPECT_THAT(CgroupFile(pid, "cpu", "cpu.shares", "cpu.weight"), AnyOf("512", "20"));
}

TEST_F(ContainerRunTest, HasTheDefaultCapabilitiesAndAllOfThemWhenPrivileged) {
  cri::PodSandboxConfig pod_config = PodConfig("capabilities");
  Security(pod_config).set_privileged(true);
  const PodRef pod = RunPod(pod_config);
  // chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write
  // setfcap
  EXPECT_EQ(OutputOf(pod, ContainerOf("default", "grep CapEff /proc/self/status")), "CapEff:\t00000000a80425fb\n");
  cri::ContainerConfig privileged =
      ContainerOf("privileged", "grep CapEff /proc/self/status; ls /dev/kmsg; mount -t tmpfs x /tmp");
  Security(privileged).set_privileged(true);
  const std::string mine = ReadFile("/proc/self/status");
  const size_t at = mine.find("CapEff:");
  EXPECT_EQ(OutputOf(pod, privileged), mine.substr(at, mine.find('\n', at) + 1 - at) + "/dev/kmsg\n");
}

TEST_F(ContainerRunTest, AnUnprivilegedOneCannotMountNorWriteToSys) {
  const PodRef pod = RunPod("unprivileged");
  EXPECT_NE(RunToEnd(pod, ContainerOf("mount", "mount -t tmpfs x /tmp")).exit_code(), 0);
  EXPECT_EQ(RunToEnd(pod, ContainerOf("sys", "grep -q '^sysfs /sys sysfs ro,' /proc/mounts")).exit_code(), 0);
}

// The kubelet asks for these in every container that is not privileged.
TEST_F(ContainerRunTest, MaskedAndReadOnlyPathsAreSo) {
  const PodRef pod = RunPod("masked");
  cri::ContainerConfig config = ContainerOf("masked",
                                            "cat /proc/kcore /proc/timer_list; ls /sys/firmware; cat "
                                            "/proc/sys/vm/swappiness > /proc/sys/vm/swappiness && echo written");
  for (const char* path : {"/proc/kcore", "/proc/timer_list", "/sys/firmware"}) Security(config).add_masked_paths(path);
  for (const char* path : {"/proc/sys", "/proc/irq"}) Security(config).add_readonly_paths(path);
  RunToEnd(pod, config);
  EXPECT_EQ(LoggedOutput(pod, "masked"), "");
}

TEST_F(ContainerRunTest, ItsWritesAreItsOwn) {
  const PodRef pod = RunPod("writes");
  const std::string writer = Start(pod, ContainerOf("writer", "sleep 1000"));
  Sh(writer, "echo changed > /etc/passwd; rm /etc/group; echo x > /new");
  const std::string reader = Start(pod, ContainerOf("reader", "sleep 1000"));
  EXPECT_THAT(Sh(reader, "cat /etc/passwd"), StartsWith("root:x:0:0:"));
  EXPECT_THAT(Sh(reader, "ls / /etc"), AllOf(Not(HasSubstr("new")), HasSubstr("group")));
}

// Each of the two alone would fill a message of the kubelet's: they share one.
TEST_F(ContainerRunTest, BothStreamsOfAnExecAtTheCapFitOneAnswer) {
  const PodRef pod = RunPod("cap");
  const std::string id = Start(pod, ContainerOf("main", "sleep 1000"));
  const auto result = Must(
      cri().Exec(id, {"sh", "-c", "head -c 20000000 /dev/zero >&2 & head -c 20000000 /dev/zero; wait; exit 9"}, 60));
  EXPECT_EQ(result.exit_code(), 9);
  EXPECT_EQ(result.stdout().size(), result.stderr().size());
  EXPECT_GT(result.stdout().size(), (size_t{8} << 20) - 4096);
}

TEST_F(ContainerRunTest, ManyStartAtOnce) {
  const PodRef pod = RunPod("many");
  std::vector<std::future<cri::ContainerStatus>> ends;
  for (int i = 0; i < 8; ++i) {
    ends.push_back(std::async(std::launch::async, [&, i] {
      return RunToEnd(pod, ContainerOf("c" + std::to_string(i), "exit " + std::to_string(i)));
    }));
  }
  for (int i = 0; i < 8; ++i) EXPECT_EQ(ends[static_cast<size_t>(i)].get().exit_code(), i);
}

}  // namespace
}  // namespace crisp::e2e
