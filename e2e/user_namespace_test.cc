// Pods with a user namespace, made by crun: Debian 12's runc has no idmapped mounts.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kCrun[] = "/usr/bin/crun";
constexpr char kCgroups[] = "/sys/fs/cgroup";

void Require(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error("cannot " + what);
}

// crun 1.8.1 refuses a machine with both kinds of cgroups. Mounts a directory with only those of v1 over the machine's,
// in this mount namespace.
void HideUnifiedCgroups(const std::string& directory) {
  if (!fs::exists(std::string(kCgroups) + "/unified")) return;
  const std::string stage = directory + "/cgroups";
  MakeDirectory(stage);
  Require(mount("tmpfs", stage.c_str(), "tmpfs", 0, "mode=755") == 0, "mount tmpfs");
  for (const auto& entry : fs::directory_iterator(kCgroups)) {
    const std::string name = entry.path().filename();
    if (name == "unified") continue;
    if (entry.is_symlink()) {
      fs::create_symlink(fs::read_symlink(entry.path()), stage + "/" + name);
      continue;
    }
    MakeDirectory(stage + "/" + name);
    Require(mount(entry.path().c_str(), (stage + "/" + name).c_str(), nullptr, MS_BIND, nullptr) == 0, "bind " + name);
  }
  Require(mount(stage.c_str(), kCgroups, nullptr, MS_MOVE, nullptr) == 0, "move cgroups");
}

class UserNamespaceTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    HideUnifiedCgroups(machine.directory);
    NodeOptions options;
    options.extra_toml = HandlerToml("crun", kCrun);
    return options;
  }

  void SetUp() override {
    if (access(kCrun, X_OK) != 0) GTEST_SKIP() << "needs " << kCrun;
    NodeTest::SetUp();
  }

  cri::PodSandboxConfig ShiftedConfig(const std::string& name) {
    cri::PodSandboxConfig config = PodConfig(name);
    auto* options = Security(config).mutable_namespace_options();
    options->mutable_userns_options()->set_mode(cri::POD);
    MapIds(*options->mutable_userns_options(), 200000, 65536);
    return config;
  }

  PodRef RunShifted(const std::string& name) { return RunPod(ShiftedConfig(name), "crun"); }

  static cri::ContainerConfig Inside(const PodRef& pod, const std::string& name, const std::string& script) {
    cri::ContainerConfig config = ContainerOf(name, script);
    *Security(config).mutable_namespace_options() = pod.config.linux().security_context().namespace_options();
    return config;
  }

  static struct stat Stat(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }
};

TEST_F(UserNamespaceTest, TheFeatureIsReportedForTheRuntimeThatHasIt) {
  const cri::StatusResponse runtime = Must(cri().Status());
  for (const cri::RuntimeHandler& handler : runtime.runtime_handlers()) {
    if (handler.name() == "crun") {
      EXPECT_TRUE(handler.features().user_namespaces());
    }
  }
  EXPECT_TRUE(runtime.features().user_namespaces_host_network());
}

// Images such as nginx's link their logs there. The process opens its pipe anew, as its own user.
TEST_F(UserNamespaceTest, ProcessesCanOpenTheirStandardStreams) {
  const PodRef pod = RunShifted("streams");
  const std::string write = "echo out > /dev/stdout && echo err > /dev/stderr && stat -Lc %u:%g /proc/self/fd/1";
  EXPECT_EQ(OutputOf(pod, Inside(pod, "root", write)), "out\n0:0\n");
  EXPECT_THAT(ReadFile(pod.LogPath("root")), HasSubstr(" stderr F err\n"));
  cri::ContainerConfig user = Inside(pod, "user", write + "; sleep 1000");
  Security(user).mutable_run_as_user()->set_value(1234);
  Security(user).mutable_run_as_group()->set_value(50);
  const std::string id = Start(pod, user);
  WaitFor("its output", std::chrono::seconds(10), [&] { return LoggedOutput(pod, "user").find("out\n1234:") == 0; });
  const auto exec = Must(cri().Exec(id, {"sh", "-c", write}));
  EXPECT_EQ(exec.exit_code(), 0) << exec.stderr();
  EXPECT_THAT(exec.stdout(), StartsWith("out\n1234:"));
  EXPECT_EQ(exec.stderr(), "err\n");
}

TEST_F(UserNamespaceTest, AnInputCanBeOpenedToo) {
  const PodRef pod = RunShifted("input");
  cri::ContainerConfig config = Inside(pod, "main", "exec 3< /dev/stdin && echo open; sleep 1000");
  config.set_stdin(true);
  Start(pod, config);
  WaitFor("its output", std::chrono::seconds(10), [&] { return LoggedOutput(pod, "main") == "open\n"; });
}

TEST_F(UserNamespaceTest, ThePodMayUseTheHostsNetwork) {
  cri::PodSandboxConfig config = ShiftedConfig("host-network");
  UseHostNetwork(config);
  const PodRef pod = RunPod(config, "crun");
  cri::ContainerConfig container =
      Inside(pod, "main",
             "readlink /proc/self/ns/net; id -u; grep ' /sys ' /proc/self/mountinfo | "
             "grep -c ' ro,'; ls /sys/class/net | grep -c .; touch /sys/x || echo read-only");
  EXPECT_EQ(OutputOf(pod, container), std::filesystem::read_symlink("/proc/self/ns/net").string() + "\n0\n1\n" +
                                          std::to_string(std::distance(fs::directory_iterator("/sys/class/net"), {})) +
                                          "\nread-only\n");
  EXPECT_EQ(PodStatus(pod.id).network().ip(), "");
}

TEST_F(UserNamespaceTest, RootInsideIsUnprivilegedOutside) {
  const PodRef pod = RunShifted("shifted");
  EXPECT_EQ(PodStatus(pod.id).linux().namespaces().options().userns_options().uids(0).host_id(), 200000u);
  const std::string id =
      Start(pod, Inside(pod, "main", "cat /proc/self/uid_map /proc/self/gid_map; id -u; sleep 1000"));
  WaitFor("its output", std::chrono::seconds(10),
          [&] { return ReadFile(pod.LogPath("main")).find("F 0\n") != std::string::npos; });
  EXPECT_THAT(LoggedOutput(pod, "main"), MatchesRegex(" +0 +200000 +65536\n +0 +200000 +65536\n0\n"));
  EXPECT_EQ(Stat(ProcPath(PidOf(id), "")).st_uid, 200000u);
  EXPECT_EQ(Stat(ProcPath(PidOf(pod.id), "")).st_uid, 265535u);  // the pause image's user is 65535
  EXPECT_EQ(Sh(id, "id -u; stat -c %u:%g /bin/busybox /etc/passwd /; touch /new && stat -c %u /new; chown 5 /bin/sh"),
            "0\n0:0\n0:0\n0:0\n0\n");
  EXPECT_EQ(Stat(node().paths().root() + "/containers/" + id + "/upper/new").st_uid, 200000u);
}

TEST_F(UserNamespaceTest, ThePodsNetworkFilesAndSysctlsWork) {
  cri::PodSandboxConfig config = ShiftedConfig("network");
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "81";
  config.mutable_dns_config()->add_servers("192.0.2.53");
  const PodRef pod = RunPod(config, "crun");
  const std::string ip = PodStatus(pod.id).network().ip();
  EXPECT_FALSE(ip.empty());
  const std::string output =
      OutputOf(pod, Inside(pod, "main",
                           "ip addr show eth0; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /etc/resolv.conf; "
                           "echo more >> /etc/hosts; touch /dev/shm/x; stat -c %u /etc/hosts /dev/shm/x; hostname; "
                           "ping -c 1 127.0.0.1 > /dev/null && echo loopback; ls /sys/class/net"));
  EXPECT_THAT(output,
              AllOf(HasSubstr(ip), HasSubstr("\n81\nnameserver 192.0.2.53\n0\n0\nnetwork\nloopback\neth0\nlo\n")));
}

TEST_F(UserNamespaceTest, OwnersOfVolumesAreShiftedBothWays) {
  Must(cri().Pull(kVolumes));
  const PodRef pod = RunShifted("volumes");
  const std::string host = node().paths().directory() + "/volume";
  WriteFile(host + "/file", "of the host\n");
  cri::ContainerConfig config =
      Inside(pod, "main",
             "stat -c %u /mnt/file; touch /mnt/new; stat -c %u /mnt/new; cat /data/file; stat -c %u:%g /data "
             "/new; touch /new/x; cat /image/data/file; stat -c %u:%g /image/data");
  config.mutable_image()->set_image(kVolumes);
  cri::Mount& volume = AddMount(config, host, "/mnt");
  for (cri::IDMapping* mapping : {volume.add_uidmappings(), volume.add_gidmappings()}) {
    mapping->set_host_id(200000);
    mapping->set_length(65536);
  }
  AddImageMount(config, kVolumes, "/image");
  EXPECT_EQ(OutputOf(pod, config), "0\n0\nof the image\n1234:50\n0:0\nof the image\n1234:50\n");
  EXPECT_EQ(Stat(host + "/new").st_uid, 0u);
}

TEST_F(UserNamespaceTest, APodOutlivesTheDaemon) {
  const PodRef pod = RunShifted("restart");
  const std::string id = Start(pod, Inside(pod, "main", "sleep 1000"));
  node().Restart();
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_EQ(Sh(id, "id -u"), "0\n");
  EXPECT_THAT(OutputOf(pod, Inside(pod, "late", "cat /proc/self/uid_map")), HasSubstr("200000"));
}

TEST_F(UserNamespaceTest, AFailureLeavesNothing) {
  node().WriteCniConfig(kBridge);
  node().wrappers().Fail("ADD", R"({"cniVersion": "1.0.0", "code": 7, "msg": "no more"})", 1);
  const auto answer = cri().RunPod(ShiftedConfig("fails"), kCallTimeout, "crun");
  EXPECT_THAT(answer.text(), HasSubstr("no more"));
  EXPECT_TRUE(Pods().empty());
  node().wrappers().ReleaseAll();
}

TEST_F(UserNamespaceTest, InvalidMappingsAreRefused) {
  const auto refused = [&](const std::string& what, const std::function<void(cri::NamespaceOption*)>& spoil) {
    cri::PodSandboxConfig config = ShiftedConfig("bad");
    spoil(Security(config).mutable_namespace_options());
    const auto answer = cri().RunPod(config, kCallTimeout, "crun");
    EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT) << what << Describe(answer.status);
    EXPECT_THAT(answer.text(), HasSubstr(what));
  };
  refused("uids", [](auto* options) { MapIds(*options->mutable_userns_options(), 5, 5); });
  refused("length", [](auto* options) { options->mutable_userns_options()->mutable_uids(0)->set_length(0); });
  refused("container_id",
          [](auto* options) { options->mutable_userns_options()->mutable_uids(0)->set_container_id(1); });
  refused("mode", [](auto* options) { options->mutable_userns_options()->set_mode(cri::CONTAINER); });
  refused("mode", [](auto* options) { options->mutable_userns_options()->set_mode(cri::TARGET); });
  refused("ipc", [](auto* options) { options->set_ipc(cri::NODE); });
  // Debian's runc has no idmapped mounts, and says so.
  const auto answer = cri().RunPod(ShiftedConfig("runc"));
  EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text(), HasSubstr("userns_options"));
}

}  // namespace
}  // namespace crisp::e2e
