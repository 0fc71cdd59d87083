// The specs under the real runc: what the JSON says is only right if the kernel then shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/id.h"
#include "base/testing/wait.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/cgroups_path.h"
#include "runtime/devices.h"
#include "runtime/exec_process.h"
#include "runtime/host.h"
#include "runtime/spec.h"

namespace crisp {
namespace {

namespace fs = std::filesystem;

using testing::HasSubstr;

constexpr const char* kRunc = "/usr/sbin/runc";
constexpr const char* kBusybox = "/usr/bin/busybox";

CommandResult Execute(const std::string& path, const std::vector<std::string>& args) {
  const Command command{path, args, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, ""};
  absl::StatusOr<CommandResult> result = RunCommand(command, CallContext::WithTimeout(std::chrono::seconds(20)));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(CommandResult());
}

// A pod as the daemon would have it: a network namespace, a shm, a pause container, containers; and nothing of it is
// left after a test.
class RuncTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (access(kRunc, X_OK) != 0) GTEST_SKIP() << "needs " << kRunc;
    if (access(kBusybox, X_OK) != 0) GTEST_SKIP() << "needs " << kBusybox;
    char name[] = "/tmp/crisp-spec-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    parent_ = absl::StrCat("/crisp-spec-test-", getpid(), "-", NewId().substr(0, 13));
    MakeContext();
    pod_.mutable_metadata()->set_name("web");
    pod_.mutable_metadata()->set_uid("u1");
    pod_.mutable_metadata()->set_namespace_("default");
    pod_.set_hostname("web-0");
    image_.entrypoint = {"/bin/sh", "-c"};
    container_.mutable_metadata()->set_name("main");
    container_.mutable_image()->set_image("busybox");
  }

  void TearDown() override {
    if (dir_.empty()) return;
    for (const std::string& id : ids_) Runc({"delete", "--force", id});
    if (netns_holder_.pid > 0) {
      kill(netns_holder_.pid, SIGKILL);
      waitpid(netns_holder_.pid, nullptr, 0);
    }
    std::error_code ignored;
    for (const auto& controller : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
      rmdir((controller.path().string() + parent_).c_str());
    }
    rmdir(absl::StrCat("/sys/fs/cgroup", parent_).c_str());
    EXPECT_TRUE(RemoveTree(dir_).ok());
  }

  void MakeContext() {
    context_.pod.cgroup_parent = parent_;
    context_.host.cgroup_v2 = HostHasCgroupV2();
    context_.host.swap_accounting = HostAccountsForSwap();
    context_.host.oom_score_adj_floor = HostOomScoreAdjFloor().value();
    context_.host.capabilities = HostCapabilities();
    context_.pod.shm = Dir("shm");
    context_.pod.resolv_conf = File("resolv.conf", "nameserver 192.0.2.53\n");
    context_.pod.hostname_file = File("hostname", "web-0\n");
    context_.pod.hosts = File("hosts", "127.0.0.1 localhost\n");
  }

  std::string Dir(const std::string& name) {
    const std::string path = absl::StrCat(dir_, "/", name);
    fs::create_directories(path);
    return path;
  }

  std::string File(const std::string& name, const std::string& content) {
    const std::string path = absl::StrCat(dir_, "/", name);
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << content;
    return path;
  }

  std::string Bundle(const std::string& id, const std::string& spec) {
    const std::string bundle = Dir(id);
    for (const char* sub : {"rootfs/bin", "rootfs/etc", "rootfs/data"}) fs::create_directories(bundle + "/" + sub);
    fs::copy_file(kBusybox, bundle + "/rootfs/bin/busybox");
    for (const char* tool : {"sh", "cat", "id", "hostname", "ls", "env", "sleep", "pwd", "readlink", "touch", "grep"}) {
      fs::create_symlink("busybox", absl::StrCat(bundle, "/rootfs/bin/", tool));
    }
    std::ofstream(bundle + "/config.json") << spec;
    return bundle;
  }

  CommandResult Runc(std::vector<std::string> args) {
    args.insert(args.begin(), {"--root", dir_ + "/runc"});
    return Execute(kRunc, args);
  }

  std::string MakeNetns() {
    const int none[3] = {-1, -1, -1};
    absl::StatusOr<Child> child = SpawnDetached("/usr/bin/unshare", {"--net", "sleep", "300"}, {"PATH=/bin"}, none);
    EXPECT_TRUE(child.ok()) << child.status();
    netns_holder_ = std::move(child).value();
    const std::string path = absl::StrCat("/proc/", netns_holder_.pid, "/ns/net");
    EXPECT_TRUE(Eventually([&] { return fs::read_symlink(path) != fs::read_symlink("/proc/self/ns/net"); }));
    return path;
  }

  // Starts the pod's pause container: a shell that waits, so that an exec can look around in it.
  void StartPause() {
    const bool host_network = pod_.linux().security_context().namespace_options().network() == cri::NODE;
    if (!host_network) namespaces_.network = MakeNetns();
    ImageConfig pause = image_;
    pause.cmd = {"while :; do sleep 1000 & wait; done"};
    context_.container.id = context_.pod.id = NewId();
    const absl::StatusOr<std::string> spec = BuildSandboxSpec(context_, pod_, pause, namespaces_.network);
    ASSERT_TRUE(spec.ok()) << spec.status();
    ids_.push_back(context_.container.id);
    pause_spec_ = *spec;
    const std::string pid_file = dir_ + "/pid";
    const CommandResult result = Runc({"run", "--detach", "--pid-file", pid_file, "--bundle",
                                       Bundle(context_.container.id, *spec), context_.container.id});
    ASSERT_TRUE(result.ok()) << result.Describe() << result.error_output;
    ASSERT_TRUE(absl::SimpleAtoi(ReadFileAt(AT_FDCWD, pid_file, 100).value(), &pause_pid_));
    const std::string proc = absl::StrCat("/proc/", pause_pid_, "/ns/");
    namespaces_.ipc = proc + "ipc";
    namespaces_.pid = proc + "pid";
    if (!host_network) namespaces_.uts = proc + "uts";
  }

  CommandResult RunContainer(const std::string& script, const ResolvedUser& user = {}) {
    image_.cmd = {script};
    context_.container.id = NewId();
    const absl::StatusOr<std::string> spec = BuildContainerSpec(context_, pod_, container_, image_, namespaces_, user);
    EXPECT_TRUE(spec.ok()) << spec.status();
    if (!spec.ok()) return {};
    ids_.push_back(context_.container.id);
    return Runc({"run", "--bundle", Bundle(context_.container.id, *spec), context_.container.id});
  }

  std::string Output(const std::string& script, const ResolvedUser& user = {}) {
    const CommandResult result = RunContainer(script, user);
    EXPECT_TRUE(result.ok()) << result.Describe() << "\n" << result.error_output;
    return std::string(absl::StripAsciiWhitespace(result.output));
  }

  std::string PauseLink(const char* name) {
    return fs::read_symlink(absl::StrCat("/proc/", pause_pid_, "/ns/", name)).string();
  }

  std::string dir_;
  std::string parent_;
  Child netns_holder_;
  pid_t pause_pid_ = -1;
  std::string pause_spec_;
  std::vector<std::string> ids_;
  SpecContext context_;
  cri::PodSandboxConfig pod_;
  cri::ContainerConfig container_;
  ImageConfig image_;
  PodNamespaces namespaces_;
};

TEST_F(RuncTest, ContainerSharesThePodsNamespacesAndHasItsOwnMounts) {
  pod_.mutable_linux()->mutable_security_context()->mutable_seccomp();  // RuntimeDefault, as the kubelet asks
  pod_.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::POD);
  StartPause();
  const std::string output = Output("hostname; for n in net ipc uts pid; do readlink /proc/self/ns/$n; done");
  EXPECT_EQ(output, absl::StrCat("web-0\n", PauseLink("net"), "\n", PauseLink("ipc"), "\n", PauseLink("uts"), "\n",
                                 PauseLink("pid")));
  EXPECT_NE(PauseLink("pid"), fs::read_symlink("/proc/self/ns/pid").string());
}

TEST_F(RuncTest, ModeContainerGivesAPidNamespaceOfItsOwn) {
  pod_.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
  StartPause();
  EXPECT_EQ(Output("echo $$"), "1");
}

TEST_F(RuncTest, HostNamespacesAreTheHosts) {
  auto& options = *pod_.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  options.set_network(cri::NODE);
  options.set_ipc(cri::NODE);
  options.set_pid(cri::NODE);
  StartPause();
  namespaces_.ipc.clear();
  context_.pod.shm = "/dev/shm";
  const std::string output = Output("for n in net ipc uts pid; do readlink /proc/self/ns/$n; done");
  std::vector<std::string> expected;
  for (const char* name : {"net", "ipc", "uts", "pid"}) {
    expected.push_back(fs::read_symlink(absl::StrCat("/proc/self/ns/", name)).string());
  }
  EXPECT_EQ(output, absl::StrJoin(expected, "\n"));
}

TEST_F(RuncTest, ProcessIsWhatWasAskedFor) {
  StartPause();
  auto& env = *container_.add_envs();
  env.set_key("GREETING");
  env.set_value("two words");
  container_.set_working_dir("/data");
  container_.mutable_linux()->mutable_security_context()->set_no_new_privs(true);
  container_.mutable_linux()->mutable_resources()->set_oom_score_adj(345);
  const std::string output = Output(
      "pwd; echo $GREETING $HOME $HOSTNAME; id -u; id -g; id -G; cat /proc/self/oom_score_adj; "
      "grep NoNewPrivs /proc/self/status",
      ResolvedUser{1234, 55, {55, 66, 2147483647}, "/home/x"});
  EXPECT_EQ(output, "/data\ntwo words /home/x web-0\n1234\n55\n55 66 2147483647\n345\nNoNewPrivs:\t1");
}

TEST_F(RuncTest, CapabilitiesAreThoseOfTheKernel) {
  StartPause();
  auto& asked = *container_.mutable_linux()->mutable_security_context()->mutable_capabilities();
  asked.add_drop_capabilities("ALL");
  asked.add_add_capabilities("net_admin");
  EXPECT_THAT(Output("grep Cap /proc/self/status"),
              testing::AllOf(HasSubstr("CapInh:\t0000000000000000"), HasSubstr("CapPrm:\t0000000000001000"),
                             HasSubstr("CapEff:\t0000000000001000"), HasSubstr("CapBnd:\t0000000000001000"),
                             HasSubstr("CapAmb:\t0000000000000000")));
}

TEST_F(RuncTest, OrdinaryContainerCannotWriteToSysOrUseOtherDevices) {
  StartPause();
  auto& security = *container_.mutable_linux()->mutable_security_context();
  security.add_masked_paths("/proc/uptime");
  security.add_readonly_paths("/proc/sys");
  const std::string output = Output(
      "echo 1 > /sys/kernel/uevent_seqnum || echo sys; busybox mkdir /sys/fs/cgroup/memory/x || echo cgroup; "
      "echo 1 > /proc/sys/kernel/msgmax || echo proc; busybox wc -c < /proc/uptime; "
      "busybox mknod /dev/kmsg2 c 1 11 && (cat < /dev/kmsg2 || echo device); "
      " echo x > /dev/null && echo null");
  EXPECT_EQ(output, "sys\ncgroup\nproc\n0\ndevice\nnull");
}

TEST_F(RuncTest, PrivilegedContainerHasDevicesCapabilitiesAndSys) {
  pod_.mutable_linux()->mutable_security_context()->set_privileged(true);
  container_.mutable_linux()->mutable_security_context()->set_privileged(true);
  context_.container.host_devices = HostDevices().value();
  ASSERT_FALSE(context_.container.host_devices.empty());
  StartPause();
  std::vector<std::string> paths;
  for (const HostDevice& device : context_.container.host_devices) paths.push_back(device.path);
  const std::string test = absl::StrCat("for d in ", absl::StrJoin(paths, " "), "; do [ -e $d ] || echo no $d; done; ");
  const std::string output =
      Output(test +
             "busybox mknod /dev/full2 c 1 11 && busybox head -c 1 /dev/full2 > /dev/null && echo device; "
             "grep -E ' /sys(/fs/cgroup)? ' /proc/self/mounts | grep -c ' rw,'; grep CapEff /proc/self/status");
  EXPECT_EQ(output, absl::StrCat("device\n2\nCapEff:\t", absl::Hex(HostCapabilities(), absl::kZeroPad16)));
}

TEST_F(RuncTest, ResourcesReachTheCgroup) {
  if (HostHasCgroupV2()) GTEST_SKIP() << "reads the files of cgroup v1";
  StartPause();
  auto& resources = *container_.mutable_linux()->mutable_resources();
  resources.set_cpu_shares(512);
  resources.set_cpu_period(50000);
  resources.set_cpu_quota(25000);
  resources.set_cpuset_cpus("0");
  resources.set_memory_limit_in_bytes(64 << 20);
  EXPECT_EQ(
      Output("cd /sys/fs/cgroup; cat cpu/cpu.shares cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us cpuset/cpuset.cpus "
             "memory/memory.limit_in_bytes"),
      "512\n50000\n25000\n0\n67108864");
  const std::string cgroup = Output("cat /proc/self/cgroup");  // makes the id that CgroupsPath is asked about
  EXPECT_THAT(cgroup, HasSubstr(CgroupsPath(/*systemd=*/false, parent_, context_.container.id)));
}

TEST_F(RuncTest, MountsAreReadonlyInOrderAndOverThePodsOwn) {
  StartPause();
  const auto add = [&](const std::string& host, const std::string& container, bool readonly) {
    cri::Mount& mount = *container_.add_mounts();
    mount.set_host_path(host);
    mount.set_container_path(container);
    mount.set_readonly(readonly);
  };
  File("inner/file", "inner");
  File("outer/file", "outer");
  fs::create_directories(dir_ + "/outer/sub");
  add(dir_ + "/inner", "/data/sub/", true);  // before its parent, with a slash too much
  add(dir_ + "/outer", "/data", false);
  add(File("own-hosts", "own"), "/etc/hosts", false);
  EXPECT_EQ(Output("cat /data/file /data/sub/file /etc/hosts; echo; cat /etc/resolv.conf; touch /data/new && echo rw; "
                   "touch /data/sub/new || echo ro; touch /dev/shm/x; ls /dev/shm"),
            "outerinnerown\nnameserver 192.0.2.53\nrw\nro\nx");
  EXPECT_TRUE(Exists(dir_ + "/shm/x"));
}

TEST_F(RuncTest, ReadonlyRootIsReadonly) {
  StartPause();
  container_.mutable_linux()->mutable_security_context()->set_readonly_rootfs(true);
  // The mount points must be there, since runc cannot make them afterwards in an image that is read-only itself.
  EXPECT_EQ(Output("touch /x || echo root; echo x >> /etc/hosts || echo hosts; touch /dev/shm/x && echo shm"),
            "root\nhosts\nshm");
}

TEST_F(RuncTest, SysctlsAndLimitsOfThePauseContainerHold) {
  pod_.mutable_linux()->mutable_security_context()->mutable_seccomp();
  auto& sysctls = *pod_.mutable_linux()->mutable_sysctls();
  sysctls["kernel.shm_rmid_forced"] = "1";
  sysctls["net/ipv4/ip_unprivileged_port_start"] = "81";
  sysctls["fs.mqueue.msg_max"] = "77";
  StartPause();
  const absl::StatusOr<std::string> process = BuildExecProcess(
      pause_spec_,
      {"/bin/sh", "-c",
       "cd /proc/sys; cat kernel/shm_rmid_forced net/ipv4/ip_unprivileged_port_start; touch /x || echo ro; "
       "grep -E 'CapEff|Seccomp:' /proc/self/status; busybox unshare -n true || echo seccomp"});
  ASSERT_TRUE(process.ok()) << process.status();
  const CommandResult result = Runc({"exec", "--process", File("process.json", *process), context_.pod.id});
  EXPECT_EQ(result.output, "1\n81\nro\nCapEff:\t0000000000000000\nSeccomp:\t2\nseccomp\n") << result.error_output;

  EXPECT_EQ(Output("cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start "
                   "/proc/sys/fs/mqueue/msg_max"),
            "1\n81\n77");
}

TEST_F(RuncTest, ExecRunsAsTheContainerDoes) {
  StartPause();
  image_.cmd = {"sleep 1000"};
  context_.container.id = NewId();
  ids_.push_back(context_.container.id);
  const ResolvedUser user{42, 43, {43, 44}, "/data"};
  const absl::StatusOr<std::string> spec = BuildContainerSpec(context_, pod_, container_, image_, namespaces_, user);
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_TRUE(Runc({"run", "--detach", "--bundle", Bundle(context_.container.id, *spec), context_.container.id}).ok());
  const absl::StatusOr<std::string> process =
      BuildExecProcess(*spec, {"sh", "-c", "id -u; id -g; id -G; echo $HOME; exit 7"});
  ASSERT_TRUE(process.ok()) << process.status();
  const CommandResult result = Runc({"exec", "--process", File("process.json", *process), context_.container.id});
  EXPECT_EQ(result.output, "42\n43\n43 44\n/data\n") << result.error_output;
  EXPECT_EQ(result.exit_code, 7);
}

}  // namespace
}  // namespace crisp
