#include "runtime/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/capabilities.h"
#include "runtime/cgroups_path.h"
#include "runtime/exec_process.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Strings = std::vector<std::string>;

class SpecTest : public testing::Test {
 protected:
  SpecTest() {
    context_.container.id = std::string(64, 'c');
    context_.pod.id = std::string(64, 'a');
    context_.pod.cgroup_parent = "/kubepods/pod1";
    context_.host.hostname = "node-7";
    context_.pod.shm = "/run/shm";
    context_.pod.resolv_conf = "/run/resolv.conf";
    context_.pod.hostname_file = "/run/hostname";
    context_.pod.hosts = "/run/hosts";
    pod_.mutable_metadata()->set_name("web");
    pod_.mutable_metadata()->set_uid("u");
    pod_.mutable_metadata()->set_namespace_("default");
    pod_.set_hostname("web-0");
    container_.mutable_metadata()->set_name("main");
    container_.mutable_image()->set_image("sha256:0");
    image_.entrypoint = {"/entry"};
    image_.cmd = {"cmd"};
    namespaces_ = {"/n/net", "/n/ipc", "/n/uts", "/n/pid", ""};
  }

  absl::StatusOr<json> TryContainer() {
    absl::StatusOr<std::string> spec = BuildContainerSpec(context_, pod_, container_, image_, namespaces_, user_);
    if (!spec.ok()) return spec.status();
    return json::parse(*spec);
  }
  json Container() {
    absl::StatusOr<json> spec = TryContainer();
    EXPECT_TRUE(spec.ok()) << spec.status();
    return spec.value_or(json::object());
  }
  absl::StatusOr<json> TrySandbox(const std::string& netns = "/n/net") {
    absl::StatusOr<std::string> spec = BuildSandboxSpec(context_, pod_, image_, netns);
    if (!spec.ok()) return spec.status();
    return json::parse(*spec);
  }
  json Sandbox(const std::string& netns = "/n/net") {
    absl::StatusOr<json> spec = TrySandbox(netns);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return spec.value_or(json::object());
  }
  void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& text) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  cri::LinuxContainerSecurityContext& Security() { return *container_.mutable_linux()->mutable_security_context(); }
  cri::LinuxSandboxSecurityContext& PodSecurity() { return *pod_.mutable_linux()->mutable_security_context(); }
  cri::NamespaceOption& PodNamespaceOptions() { return *PodSecurity().mutable_namespace_options(); }
  cri::LinuxContainerResources& Resources() { return *container_.mutable_linux()->mutable_resources(); }
  cri::Mount& AddMount(const std::string& host, const std::string& path) {
    cri::Mount& mount = *container_.add_mounts();
    mount.set_host_path(host);
    mount.set_container_path(path);
    return mount;
  }
  void AddEnv(const std::string& key, const std::string& value) {
    container_.add_envs()->set_key(key);
    container_.mutable_envs(container_.envs_size() - 1)->set_value(value);
  }

  SpecContext context_;
  cri::PodSandboxConfig pod_;
  cri::ContainerConfig container_;
  ImageConfig image_;
  PodNamespaces namespaces_;
  ResolvedUser user_;
};

Strings Destinations(const json& spec) {
  Strings all;
  for (const json& mount : spec["mounts"]) all.push_back(mount["destination"]);
  return all;
}

json MountAt(const json& spec, const std::string& destination) {
  json found;
  for (const json& mount : spec["mounts"]) {
    if (mount["destination"] == destination) found = mount;
  }
  return found;
}

// "type" or "type=path", sorted.
Strings Namespaces(const json& spec) {
  Strings all;
  for (const json& ns : spec["linux"]["namespaces"]) {
    all.push_back(ns.contains("path") ? absl::StrCat(ns["type"].get<std::string>(), "=", ns["path"].get<std::string>())
                                      : ns["type"].get<std::string>());
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST_F(SpecTest, ArgumentsFollowTheRuleOfKubernetes) {
  struct Case {
    Strings entrypoint, cmd, command, args, expected;
  };
  const Case cases[] = {
      {{"e"}, {"c"}, {}, {}, {"e", "c"}},
      {{"e"}, {"c"}, {"x"}, {}, {"x"}},
      {{"e"}, {"c"}, {}, {"y"}, {"e", "y"}},
      {{"e"}, {"c"}, {"x"}, {"y", ""}, {"x", "y", ""}},
      {{"e", "1"}, {}, {}, {}, {"e", "1"}},
      {{}, {"c", "2"}, {}, {}, {"c", "2"}},
      {{}, {"c"}, {}, {"y"}, {"y"}},
      {{}, {}, {}, {"y"}, {"y"}},
      {{}, {}, {"x"}, {}, {"x"}},
  };
  for (const Case& c : cases) {
    image_.entrypoint = c.entrypoint;
    image_.cmd = c.cmd;
    *container_.mutable_command() = {c.command.begin(), c.command.end()};
    *container_.mutable_args() = {c.args.begin(), c.args.end()};
    EXPECT_EQ(Container()["process"]["args"], json(c.expected));
  }
}

TEST_F(SpecTest, NoCommandAtAllIsRefused) {
  image_.entrypoint.clear();
  image_.cmd.clear();
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "no command specified");
  ExpectError(TrySandbox().status(), absl::StatusCode::kInvalidArgument, "the sandbox image");
  container_.add_command("");
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.command");
}

TEST_F(SpecTest, EnvironmentIsTheImagesThenTheContainers) {
  image_.env = {"A=image", "B=image", "A=again", "EMPTY=", "NONE", "=x", "EQ=a=b"};
  AddEnv("B", "mine");
  AddEnv("C", "first");
  AddEnv("C", "second\nline");
  user_.home = "/home/x";
  EXPECT_EQ(Container()["process"]["env"],
            json({"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=web-0", "A=again",
                  "B=mine", "EMPTY=", "EQ=a=b", "C=second\nline", "HOME=/home/x"}));
}

TEST_F(SpecTest, PathHomeAndHostnameCanBeSet) {
  image_.env = {"PATH=/image", "HOME=/image"};
  AddEnv("HOSTNAME", "other");
  EXPECT_EQ(Container()["process"]["env"], json({"PATH=/image", "HOSTNAME=other", "HOME=/image"}));
}

// CRI-O's CVE-2022-4318, by who else can set it.
TEST_F(SpecTest, AHomeWithAControlCharacterIsRefusedWhoeverSetsIt) {
  image_.env = {"HOME=/root\nroot::0:0::/:/bin/sh"};
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "HOME");
  AddEnv("HOME", "/mine");
  EXPECT_TRUE(TryContainer().ok()) << "of the image's nothing is left";
  context_.container.cdi.env = {"HOME=/vendor\x7f"};
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "control character");
  context_.container.cdi.env = {"OTHER=two\nlines"};
  EXPECT_TRUE(TryContainer().ok());
}

TEST_F(SpecTest, HostnameIsTheNodesIfThePodHasNone) {
  pod_.clear_hostname();
  EXPECT_THAT(Container()["process"]["env"].get<Strings>(), Contains("HOSTNAME=node-7"));
  EXPECT_EQ(Sandbox()["hostname"], "node-7");
  context_.host.hostname.clear();
  EXPECT_THAT(Container()["process"]["env"].get<Strings>(), Not(Contains(HasSubstr("HOSTNAME"))));
  EXPECT_FALSE(Sandbox().contains("hostname"));
}

TEST_F(SpecTest, ManyVariablesAreNoQuadraticWork) {
  for (int i = 0; i < 100000; ++i) AddEnv(absl::StrCat("V", i), "x");
  EXPECT_EQ(Container()["process"]["env"].size(), 100003u);
}

TEST_F(SpecTest, WorkingDirectory) {
  EXPECT_EQ(Container()["process"]["cwd"], "/");
  image_.working_dir = "srv";
  EXPECT_EQ(Container()["process"]["cwd"], "/srv");
  image_.working_dir = "/app";
  EXPECT_EQ(Container()["process"]["cwd"], "/app");
  container_.set_working_dir("/mine");
  EXPECT_EQ(Container()["process"]["cwd"], "/mine");
}

TEST_F(SpecTest, UserIsTheResolvedOne) {
  user_ = {1000, 1001, {1001, 5}, "/"};
  EXPECT_EQ(Container()["process"]["user"], json({{"uid", 1000}, {"gid", 1001}, {"additionalGids", {1001, 5}}}));
}

TEST_F(SpecTest, OomScoreIsAlwaysGivenAndNeverBelowTheFloor) {
  EXPECT_EQ(Container()["process"]["oomScoreAdj"], 0);
  EXPECT_EQ(Sandbox()["process"]["oomScoreAdj"], -998);
  Resources().set_oom_score_adj(-997);
  EXPECT_EQ(Container()["process"]["oomScoreAdj"], -997);
  context_.host.oom_score_adj_floor = 100;
  EXPECT_EQ(Container()["process"]["oomScoreAdj"], 100);
  EXPECT_EQ(Sandbox()["process"]["oomScoreAdj"], 100);
  Resources().set_oom_score_adj(1000);
  EXPECT_EQ(Container()["process"]["oomScoreAdj"], 1000);
}

TEST_F(SpecTest, CapabilitiesHaveNoAmbientAndNoInheritable) {
  const json capabilities = Container()["process"]["capabilities"];
  EXPECT_EQ(capabilities.size(), 3u);
  for (const char* set : {"bounding", "effective", "permitted"}) {
    EXPECT_EQ(capabilities[set], json(CapabilityNames(DefaultCapabilities()))) << set;
  }
  Security().mutable_capabilities()->add_drop_capabilities("ALL");
  EXPECT_EQ(Container()["process"]["capabilities"]["bounding"], json::array());
}

TEST_F(SpecTest, CapabilityThatTheDaemonLacksIsRefused) {
  context_.host.capabilities = DefaultCapabilities();
  Security().mutable_capabilities()->add_add_capabilities("SYS_ADMIN");
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "CAP_SYS_ADMIN");
}

TEST_F(SpecTest, DefaultMountsOfAContainer) {
  const json spec = Container();
  EXPECT_THAT(Destinations(spec), ElementsAre("/proc", "/dev", "/sys", "/dev/pts", "/dev/mqueue", "/dev/shm",
                                              "/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/sys/fs/cgroup"));
  EXPECT_THAT(MountAt(spec, "/sys")["options"].get<Strings>(), Contains("ro"));
  EXPECT_THAT(MountAt(spec, "/sys/fs/cgroup")["options"].get<Strings>(), Contains("ro"));
  EXPECT_EQ(MountAt(spec, "/etc/hosts"), json({{"destination", "/etc/hosts"},
                                               {"type", "bind"},
                                               {"source", "/run/hosts"},
                                               {"options", {"rbind", "rprivate", "rw"}}}));
}

TEST_F(SpecTest, WhatTheContextDoesNotHaveIsNotMounted) {
  context_.pod.shm = context_.pod.resolv_conf = context_.pod.hostname_file = context_.pod.hosts = "";
  EXPECT_THAT(Destinations(Container()),
              ElementsAre("/proc", "/dev", "/sys", "/dev/pts", "/dev/mqueue", "/sys/fs/cgroup"));
}

TEST_F(SpecTest, ConfiguredMountsReplaceDefaultOnes) {
  AddMount("/h/hosts", "/etc//hosts/");
  AddMount("/h/shm", "/dev/shm");
  const json spec = Container();
  EXPECT_EQ(MountAt(spec, "/etc/hosts")["source"], "/h/hosts");
  EXPECT_EQ(MountAt(spec, "/dev/shm")["source"], "/h/shm");
  EXPECT_EQ(spec["mounts"].size(), 10u);
}

TEST_F(SpecTest, AWholeDevBringsWhatIsBelowItButThePodsSharedMemory) {
  AddMount("/dev", "/dev");
  AddMount("/sys", "/sys");
  const json spec = Container();
  EXPECT_THAT(Destinations(spec),
              ElementsAre("/proc", "/dev", "/sys", "/dev/shm", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"));
  EXPECT_EQ(MountAt(spec, "/dev/shm")["source"], "/run/shm");
}

TEST_F(SpecTest, AMountOnDevAndOneOnItsSharedMemoryAreBothTheConfigurations) {
  AddMount("/dev", "/dev");
  AddMount("/h/shm", "/dev/../dev/shm");
  const json spec = Container();
  const Strings places = Destinations(spec);
  EXPECT_EQ(std::count(places.begin(), places.end(), "/dev/shm"), 1);
  EXPECT_EQ(MountAt(spec, "/dev/shm")["source"], "/h/shm");
}

TEST_F(SpecTest, ParentsInAMountsPathAreResolvedInsideTheContainer) {
  AddMount("/h/1", "/a/b/../c");
  AddMount("/h/2", "/../../d/");
  AddMount("/h/3", "/etc/../etc/hosts");
  const json spec = Container();
  EXPECT_EQ(MountAt(spec, "/a/c")["source"], "/h/1");
  EXPECT_EQ(MountAt(spec, "/d")["source"], "/h/2");
  EXPECT_EQ(MountAt(spec, "/etc/hosts")["source"], "/h/3");
  EXPECT_EQ(spec["mounts"].size(), 12u) << "the last one replaces the pod's";
}

TEST_F(SpecTest, ParentsComeBeforeChildrenAndEqualsStayInOrder) {
  AddMount("/h/3", "/a/b/c");
  AddMount("/h/1", "/a/");
  AddMount("/h/2", "/a/./b");
  AddMount("/h/2b", "/a/b");
  const Strings all = Destinations(Container());
  Strings ours;
  for (const std::string& destination : all) {
    if (destination.rfind("/a", 0) == 0) ours.push_back(destination);
  }
  EXPECT_THAT(ours, ElementsAre("/a", "/a/b", "/a/b", "/a/b/c"));
  EXPECT_EQ(MountAt(Container(), "/a/b")["source"], "/h/2b");  // the last is on top
}

TEST_F(SpecTest, PropagationReachesTheMountAndTheRoot) {
  EXPECT_FALSE(Container()["linux"].contains("rootfsPropagation"));
  cri::Mount& mount = AddMount("/h", "/m");
  mount.set_readonly(true);
  EXPECT_EQ(MountAt(Container(), "/m")["options"], json({"rbind", "rprivate", "ro"}));
  EXPECT_FALSE(Container()["linux"].contains("rootfsPropagation"));
  mount.set_propagation(cri::PROPAGATION_HOST_TO_CONTAINER);
  EXPECT_EQ(MountAt(Container(), "/m")["options"], json({"rbind", "rslave", "ro"}));
  EXPECT_EQ(Container()["linux"]["rootfsPropagation"], "rslave");
  AddMount("/h2", "/m2").set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
  EXPECT_EQ(MountAt(Container(), "/m2")["options"], json({"rbind", "rshared", "rw"}));
  EXPECT_EQ(Container()["linux"]["rootfsPropagation"], "rshared");
}

TEST_F(SpecTest, ReadonlyRootMakesThePodsFilesReadonly) {
  EXPECT_EQ(Container()["root"], json({{"path", "rootfs"}, {"readonly", false}}));
  Security().set_readonly_rootfs(true);
  const json spec = Container();
  EXPECT_EQ(spec["root"]["readonly"], true);
  for (const char* path : {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}) {
    EXPECT_THAT(MountAt(spec, path)["options"].get<Strings>(), Contains("ro")) << path;
  }
  EXPECT_THAT(MountAt(spec, "/dev/shm")["options"].get<Strings>(), Contains("rw"));
}

TEST_F(SpecTest, NamespacesOfAContainer) {
  struct Case {
    cri::NamespaceMode pod_pid;
    std::optional<cri::NamespaceMode> container_pid;
    const char* pid;  // null: none
  };
  const Case cases[] = {
      {cri::POD, {}, "pid=/n/pid"},      {cri::CONTAINER, {}, "pid"},        {cri::NODE, {}, nullptr},
      {cri::POD, cri::CONTAINER, "pid"}, {cri::POD, cri::NODE, nullptr},     {cri::CONTAINER, cri::POD, "pid=/n/pid"},
      {cri::NODE, cri::POD, nullptr},    {cri::NODE, cri::CONTAINER, "pid"}, {cri::POD, cri::POD, "pid=/n/pid"},
  };
  for (const Case& c : cases) {
    PodNamespaceOptions().set_pid(c.pod_pid);
    Security().clear_namespace_options();
    if (c.container_pid) Security().mutable_namespace_options()->set_pid(*c.container_pid);
    Strings expected = {"ipc=/n/ipc", "mount", "network=/n/net", "uts=/n/uts"};
    if (c.pid != nullptr) expected.push_back(c.pid);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(Namespaces(Container()), expected);
  }
}

TEST_F(SpecTest, CgroupNamespaceIsForV2AndNotForPrivileged) {
  context_.host.cgroup_v2 = true;
  EXPECT_THAT(Namespaces(Container()), Contains("cgroup"));
  EXPECT_THAT(Namespaces(Sandbox()), Contains("cgroup"));
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  EXPECT_THAT(Namespaces(Container()), Not(Contains("cgroup")));
}

TEST_F(SpecTest, HostNamespacesAreNotJoined) {
  PodNamespaceOptions().set_network(cri::NODE);
  PodNamespaceOptions().set_ipc(cri::NODE);
  namespaces_ = {"", "", "", "/n/pid", ""};
  EXPECT_THAT(Namespaces(Container()), ElementsAre("mount", "pid=/n/pid"));
  const json sandbox = Sandbox("");
  EXPECT_THAT(Namespaces(sandbox), ElementsAre("mount", "pid"));
  EXPECT_FALSE(sandbox.contains("hostname"));
}

// The worst that a builder could do is to leave a namespace out because its path is.
TEST_F(SpecTest, APathThatIsMissingIsNeverTheHostsNamespace) {
  const PodNamespaces all = namespaces_;
  for (std::string PodNamespaces::*path :
       {&PodNamespaces::network, &PodNamespaces::ipc, &PodNamespaces::uts, &PodNamespaces::pid}) {
    namespaces_ = all;
    (namespaces_.*path).clear();
    ExpectError(TryContainer().status(), absl::StatusCode::kInternal, "path is missing");
  }
  ExpectError(TrySandbox("").status(), absl::StatusCode::kInternal, "path is missing");
  namespaces_ = all;
  PodNamespaceOptions().set_network(cri::NODE);
  ExpectError(TryContainer().status(), absl::StatusCode::kInternal, "host's network");
  ExpectError(TrySandbox().status(), absl::StatusCode::kInternal, "host's network");
}

TEST_F(SpecTest, ResourcesAreGivenOnlyWhereAsked) {
  EXPECT_FALSE(Container()["linux"]["resources"].contains("cpu"));
  EXPECT_FALSE(Container()["linux"]["resources"].contains("memory"));
  Resources().set_cpu_shares(512);
  Resources().set_cpu_quota(-1);
  Resources().set_cpu_period(100000);
  Resources().set_cpuset_cpus("0-1");
  Resources().set_cpuset_mems("0");
  Resources().set_memory_limit_in_bytes(1 << 30);
  const json resources = Container()["linux"]["resources"];
  EXPECT_EQ(resources["cpu"],
            json({{"shares", 512}, {"quota", -1}, {"period", 100000}, {"cpus", "0-1"}, {"mems", "0"}}));
  EXPECT_EQ(resources["memory"], json({{"limit", 1 << 30}}));
}

TEST_F(SpecTest, SwapIsAsMuchAsMemoryUnlessAskedOtherwise) {
  context_.host.swap_accounting = true;
  EXPECT_FALSE(Container()["linux"]["resources"].contains("memory"));
  Resources().set_memory_limit_in_bytes(100);
  EXPECT_EQ(Container()["linux"]["resources"]["memory"], json({{"limit", 100}, {"swap", 100}}));
  Resources().set_memory_swap_limit_in_bytes(150);
  EXPECT_EQ(Container()["linux"]["resources"]["memory"], json({{"limit", 100}, {"swap", 150}}));
  Resources().set_memory_swap_limit_in_bytes(-1);
  EXPECT_EQ(Container()["linux"]["resources"]["memory"], json({{"limit", 100}, {"swap", -1}}));
}

TEST_F(SpecTest, WithoutSwapAccountingALimitOnSwapIsRefused) {
  Resources().set_memory_limit_in_bytes(100);
  Resources().set_memory_swap_limit_in_bytes(100);
  EXPECT_EQ(Container()["linux"]["resources"]["memory"], json({{"limit", 100}}));
  Resources().set_memory_swap_limit_in_bytes(150);
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument,
              "config.linux.resources.memory_swap_limit_in_bytes");
}

TEST_F(SpecTest, HugepageLimitsNeedTheirController) {
  cri::HugepageLimit& limit = *Resources().add_hugepage_limits();
  limit.set_page_size("2MB");
  EXPECT_FALSE(Container()["linux"]["resources"].contains("hugepageLimits"));
  limit.set_limit(1 << 21);
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.linux.resources.hugepage_limits[0]");
  context_.host.drop_hugepage_limits = true;
  EXPECT_FALSE(Container()["linux"]["resources"].contains("hugepageLimits"));
  context_.host.hugepage_limits = true;
  EXPECT_EQ(Container()["linux"]["resources"]["hugepageLimits"],
            json::array({{{"pageSize", "2MB"}, {"limit", 1 << 21}}}));
}

TEST_F(SpecTest, UnifiedNeedsCgroupV2) {
  (*Resources().mutable_unified())["memory.oom.group"] = "1";
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.linux.resources.unified");
  context_.host.cgroup_v2 = true;
  EXPECT_EQ(Container()["linux"]["resources"]["unified"], json({{"memory.oom.group", "1"}}));
}

TEST_F(SpecTest, MaskedAndReadonlyPathsAreThoseGiven) {
  EXPECT_EQ(Container()["linux"]["maskedPaths"], json::array());
  EXPECT_EQ(Container()["linux"]["readonlyPaths"], json::array());
  Security().add_masked_paths("/proc/kcore");
  Security().add_readonly_paths("/proc/sys");
  EXPECT_EQ(Container()["linux"]["maskedPaths"], json({"/proc/kcore", "/sys/devices/virtual/powercap"}));
  EXPECT_EQ(Container()["linux"]["readonlyPaths"], json::array({"/proc/sys"}));
}

// Also where a pod asks for an unmasked /proc.
TEST_F(SpecTest, WithoutProcMountsWhatIsUsualIsMaskedAndReadOnly) {
  context_.host.disable_proc_mount = true;
  Security().add_masked_paths("/proc/own");
  Security().add_masked_paths("/proc/keys");
  Security().add_readonly_paths("/proc/own");
  const json spec = Container();
  const std::vector<std::string> masked = spec["linux"]["maskedPaths"];
  EXPECT_THAT(masked, testing::IsSupersetOf({"/proc/own", "/proc/kcore", "/proc/timer_list", "/sys/firmware",
                                             "/sys/devices/virtual/powercap"}));
  EXPECT_EQ(std::count(masked.begin(), masked.end(), "/proc/keys"), 1);
  EXPECT_EQ(spec["linux"]["readonlyPaths"],
            json({"/proc/own", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}));
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  EXPECT_FALSE(Container()["linux"].contains("maskedPaths"));
}

TEST_F(SpecTest, NoPathIsMaskedOrMadeReadOnlyTwice) {
  for (const char* path : {"/sys/devices/virtual/powercap/", "/proc/kcore", "/proc/./kcore", "/proc/keys"}) {
    Security().add_masked_paths(path);
  }
  for (const char* path : {"/proc/sys", "/proc/sys/", "/proc/bus"}) Security().add_readonly_paths(path);
  EXPECT_EQ(Container()["linux"]["maskedPaths"], json({"/sys/devices/virtual/powercap", "/proc/kcore", "/proc/keys"}));
  EXPECT_EQ(Container()["linux"]["readonlyPaths"], json({"/proc/sys", "/proc/bus"}));
}

TEST_F(SpecTest, OrdinaryContainerHasStandardDevicesOnly) {
  context_.container.host_devices = {{"/dev/sda", 'b', 8, 0, 0660, 0, 6}};
  const json linux_part = Container()["linux"];
  EXPECT_FALSE(linux_part.contains("devices"));
  const json& rules = linux_part["resources"]["devices"];
  EXPECT_EQ(rules[0], json({{"allow", false}, {"access", "rwm"}}));
  for (size_t i = 1; i < rules.size(); ++i) {
    EXPECT_EQ(rules[i]["allow"], true);
    EXPECT_TRUE(rules[i].contains("major") || rules[i]["access"] == "m") << rules[i];
  }
  EXPECT_EQ(linux_part["resources"]["devices"], Sandbox()["linux"]["resources"]["devices"]);
}

TEST_F(SpecTest, PrivilegedHasAllThatTheDaemonHas) {
  context_.container.host_devices = {{"/dev/sda", 'b', 8, 0, 0660, 0, 6}};
  context_.host.capabilities = ~(uint64_t{1} << 24);
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  Security().add_masked_paths("/proc/kcore");
  Security().add_readonly_paths("/proc/sys");
  const json spec = Container();
  EXPECT_EQ(spec["linux"]["devices"], json::array({{{"path", "/dev/sda"},
                                                    {"type", "b"},
                                                    {"major", 8},
                                                    {"minor", 0},
                                                    {"fileMode", 0660},
                                                    {"uid", 0},
                                                    {"gid", 6}}}));
  EXPECT_EQ(spec["linux"]["resources"]["devices"], json::array({{{"allow", true}, {"access", "rwm"}}}));
  EXPECT_FALSE(spec["linux"].contains("maskedPaths"));
  EXPECT_FALSE(spec["linux"].contains("readonlyPaths"));
  EXPECT_THAT(MountAt(spec, "/sys")["options"].get<Strings>(), Contains("rw"));
  EXPECT_THAT(MountAt(spec, "/sys/fs/cgroup")["options"].get<Strings>(), Contains("rw"));
  const Strings names = spec["process"]["capabilities"]["effective"];
  EXPECT_EQ(names.size(), 40u);
  EXPECT_THAT(names, Not(Contains("CAP_SYS_RESOURCE")));
}

TEST_F(SpecTest, PrivilegedNeedsAPrivilegedPod) {
  Security().set_privileged(true);
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "security_context.privileged");
}

TEST_F(SpecTest, AnnotationsAreOursAlone) {
  (*container_.mutable_annotations())["run.oci.hooks.stdout"] = "evil";
  (*pod_.mutable_annotations())["org.systemd.property.X"] = "evil";
  (*container_.mutable_labels())["io.kubernetes.cri.container-type"] = "sandbox";
  context_.container.image_name = "busybox:1";
  pod_.set_log_directory("/var/log/pods/web");
  EXPECT_EQ(Container()["annotations"], json({{"io.kubernetes.cri.container-type", "container"},
                                              {"io.kubernetes.cri.sandbox-id", std::string(64, 'a')},
                                              {"io.kubernetes.cri.sandbox-name", "web"},
                                              {"io.kubernetes.cri.sandbox-namespace", "default"},
                                              {"io.kubernetes.cri.sandbox-uid", "u"},
                                              {"io.kubernetes.cri.container-name", "main"},
                                              {"io.kubernetes.cri.image-name", "busybox:1"}}));
  EXPECT_EQ(Sandbox()["annotations"], json({{"io.kubernetes.cri.container-type", "sandbox"},
                                            {"io.kubernetes.cri.sandbox-id", std::string(64, 'a')},
                                            {"io.kubernetes.cri.sandbox-name", "web"},
                                            {"io.kubernetes.cri.sandbox-namespace", "default"},
                                            {"io.kubernetes.cri.sandbox-uid", "u"},
                                            {"io.kubernetes.cri.sandbox-log-directory", "/var/log/pods/web"},
                                            {"io.kubernetes.cri.podsandbox.image-name", "busybox:1"}}));
  EXPECT_THAT(Sandbox().dump(), Not(HasSubstr("evil")));
}

TEST_F(SpecTest, WhatTheBaseOfTheHandlerAddsComesBeforeWhatDevicesAdd) {
  context_.handler.base = {R"([{"hard":9,"soft":8,"type":"RLIMIT_NOFILE"}])",
                           R"({"createContainer":[{"path":"/base"}],"poststop":[{"path":"/last"}]})"};
  context_.container.cdi.hooks = {{"createContainer", "/device", {}, {}, {}}};
  const json container = Container();
  EXPECT_EQ(container["process"]["rlimits"], json::parse(R"([{"hard":9,"soft":8,"type":"RLIMIT_NOFILE"}])"));
  EXPECT_EQ(container["hooks"], json::parse(R"({"createContainer":[{"path":"/base"},{"path":"/device"}],)"
                                            R"("poststop":[{"path":"/last"}]})"));
  const json sandbox = Sandbox();
  EXPECT_FALSE(sandbox["process"].contains("rlimits"));
  EXPECT_EQ(sandbox["hooks"]["createContainer"], json::parse(R"([{"path":"/base"}])"));
}

TEST_F(SpecTest, ARuntimeGetsTheAnnotationsThatTheConfigurationNames) {
  context_.handler.pod_annotations = {"com.example.*", "exact"};
  context_.handler.container_annotations = {"run.oci.?", "io.kubernetes.cri.*"};
  (*pod_.mutable_annotations())["com.example.a"] = "1";
  (*pod_.mutable_annotations())["com.example.a/b"] = "a slash is not matched";
  (*pod_.mutable_annotations())["exact"] = "2";
  (*pod_.mutable_annotations())["exactly"] = "not named";
  (*container_.mutable_annotations())["run.oci.x"] = "3";
  (*container_.mutable_annotations())["com.example.c"] = "is for pods";
  (*container_.mutable_annotations())["io.kubernetes.cri.container-type"] = "ours stays";
  const json container = Container()["annotations"];
  EXPECT_EQ(container["com.example.a"], "1");
  EXPECT_EQ(container["exact"], "2");
  EXPECT_EQ(container["run.oci.x"], "3");
  EXPECT_EQ(container["io.kubernetes.cri.container-type"], "container");
  for (const char* absent : {"com.example.a/b", "exactly", "com.example.c"}) EXPECT_FALSE(container.contains(absent));
  const json sandbox = Sandbox()["annotations"];
  EXPECT_EQ(sandbox["com.example.a"], "1");
  EXPECT_EQ(sandbox["exact"], "2");
  EXPECT_FALSE(sandbox.contains("com.example.a/b"));
}

TEST_F(SpecTest, ThePodsLimitsAreAnnotationsOfThePause) {
  cri::LinuxContainerResources& limits = *pod_.mutable_linux()->mutable_resources();
  limits.set_cpu_period(100000);
  limits.set_cpu_quota(-1);
  limits.set_cpu_shares(512);
  limits.set_memory_limit_in_bytes(int64_t{8} << 30);
  const json annotations = Sandbox()["annotations"];
  EXPECT_EQ(annotations["io.kubernetes.cri.sandbox-cpu-period"], "100000");
  EXPECT_EQ(annotations["io.kubernetes.cri.sandbox-cpu-quota"], "-1");
  EXPECT_EQ(annotations["io.kubernetes.cri.sandbox-cpu-shares"], "512");
  EXPECT_EQ(annotations["io.kubernetes.cri.sandbox-memory"], "8589934592");
}

TEST_F(SpecTest, PauseContainerHasAsLittleAsPossible) {
  image_.env = {"X=y"};
  const json spec = Sandbox();
  EXPECT_EQ(spec["ociVersion"], "1.0.2");
  EXPECT_EQ(spec["root"], json({{"path", "rootfs"}, {"readonly", true}}));
  EXPECT_EQ(spec["hostname"], "web-0");
  EXPECT_EQ(spec["process"]["args"], json({"/entry", "cmd"}));
  EXPECT_EQ(spec["process"]["noNewPrivileges"], true);
  EXPECT_EQ(spec["process"]["capabilities"]["bounding"], json::array());
  EXPECT_EQ(spec["linux"]["resources"]["cpu"], json({{"shares", 2}}));
  EXPECT_THAT(Namespaces(spec), ElementsAre("ipc", "mount", "network=/n/net", "pid", "uts"));
  EXPECT_THAT(Destinations(spec), ElementsAre("/proc", "/dev", "/dev/shm"));
  EXPECT_FALSE(spec["linux"].contains("sysctl"));
  EXPECT_FALSE(spec["linux"].contains("seccomp"));
}

TEST_F(SpecTest, PauseContainerHasAProfileWhenAsked) {
  PodSecurity().mutable_seccomp();
  EXPECT_EQ(Sandbox()["linux"]["seccomp"]["syscalls"][0]["action"], "SCMP_ACT_ERRNO");
  PodSecurity().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_FALSE(Sandbox()["linux"].contains("seccomp"));
}

TEST_F(SpecTest, PauseContainerRunsAsThePodsUserOrTheImages) {
  image_.user = "65535:65534";
  EXPECT_EQ(Sandbox()["process"]["user"], json({{"uid", 65535}, {"gid", 65534}, {"additionalGids", {65534}}}));
  PodSecurity().mutable_run_as_user()->set_value(1000);
  EXPECT_EQ(Sandbox()["process"]["user"], json({{"uid", 1000}, {"gid", 0}, {"additionalGids", {0}}}));
  PodSecurity().mutable_run_as_group()->set_value(7);
  PodSecurity().add_supplemental_groups(8);
  EXPECT_EQ(Sandbox()["process"]["user"], json({{"uid", 1000}, {"gid", 7}, {"additionalGids", {7, 8}}}));
  PodSecurity().Clear();
  for (const char* user : {"nobody", "4294967295", "1:staff"}) {
    image_.user = user;
    ExpectError(TrySandbox().status(), absl::StatusCode::kInvalidArgument, "the sandbox image's USER");
  }
}

TEST_F(SpecTest, SysctlsAreThePausesWithDots) {
  (*pod_.mutable_linux()->mutable_sysctls())["net/core/somaxconn"] = "9";
  EXPECT_EQ(Sandbox()["linux"]["sysctl"], json({{"net.core.somaxconn", "9"}}));
  EXPECT_FALSE(Container()["linux"].contains("sysctl"));
}

TEST_F(SpecTest, CgroupsPathOfEitherDriver) {
  const std::string id = context_.container.id;
  const auto path = [&](const std::string& parent, bool systemd) { return CgroupsPath(systemd, parent, id); };
  EXPECT_EQ(path("", false), "/" + id);
  EXPECT_EQ(path("/", false), "/" + id);
  EXPECT_EQ(path("/kubepods/burstable/pod1", false), "/kubepods/burstable/pod1/" + id);
  EXPECT_EQ(path("kubepods//pod1/", false), "/kubepods/pod1/" + id);
  EXPECT_EQ(path("/test.slice", false), "/test.slice/" + id);
  EXPECT_EQ(path("", true), "system.slice:crisp:" + id);
  EXPECT_EQ(path("/test.slice", true), "test.slice:crisp:" + id);
  EXPECT_EQ(path("kubepods-burstable-pod1_2.slice", true), "kubepods-burstable-pod1_2.slice:crisp:" + id);
  EXPECT_EQ(path("/kubepods.slice/kubepods-burstable.slice/", true), "kubepods-burstable.slice:crisp:" + id);
}

TEST_F(SpecTest, SystemdNeedsASlice) {
  context_.handler.systemd_cgroup = true;
  for (const char* parent : {"/kubepods/pod1", ".slice", "a.slice:x.slice", "-a.slice", "a--b.slice", "a-.slice",
                             "a b.slice", "/a.slice/b", "a.slic", "a/.slice"}) {
    context_.pod.cgroup_parent = parent;
    ExpectError(TrySandbox().status(), absl::StatusCode::kInvalidArgument, "config.linux.cgroup_parent");
    ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.linux.cgroup_parent");
  }
  for (const char* parent : {"", "-.slice", "/test.slice"}) {
    context_.pod.cgroup_parent = parent;
    EXPECT_TRUE(TrySandbox().ok()) << parent;
  }
}

TEST_F(SpecTest, StringsOfTheImageAreChecked) {
  image_.entrypoint = {std::string("/a\0b", 4)};
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "entrypoint has a NUL");
  image_.entrypoint = {"/\xff"};
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "UTF-8");
}

// --- Confinement ---

constexpr const char* kProfile = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
  {"names": ["chmod"], "action": "SCMP_ACT_ERRNO"},
  {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]})";

TEST_F(SpecTest, SeccompIsTheProfileThatIsAskedFor) {
  EXPECT_FALSE(Container()["linux"].contains("seccomp"));
  Security().mutable_seccomp();
  EXPECT_EQ(Container()["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ERRNO");
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_FALSE(Container()["linux"].contains("seccomp"));
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  Security().mutable_seccomp()->set_localhost_ref("/p.json");
  ExpectError(TryContainer().status(), absl::StatusCode::kInternal, "/p.json: the seccomp profile was not read");
  context_.container.seccomp_profile = kProfile;
  EXPECT_EQ(Container()["linux"]["seccomp"]["syscalls"].size(), 2u);
  Security().mutable_capabilities()->add_add_capabilities("SYS_ADMIN");
  EXPECT_EQ(Container()["linux"]["seccomp"]["syscalls"].size(), 1u);
  context_.container.seccomp_profile = "{";
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "seccomp profile /p.json");
}

TEST_F(SpecTest, WithoutAWishSeccompIsAsConfigured) {
  context_.host.unset_seccomp_profile = "runtime/default";
  EXPECT_TRUE(Container()["linux"].contains("seccomp"));
  EXPECT_TRUE(Sandbox()["linux"].contains("seccomp"));
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_FALSE(Container()["linux"].contains("seccomp"));
  Security().clear_seccomp();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Security().set_seccomp_profile_path("unconfined");
  EXPECT_FALSE(Container()["linux"].contains("seccomp"));
  context_.host.unset_seccomp_profile = "";
  Security().set_seccomp_profile_path("docker/default");
  EXPECT_TRUE(Container()["linux"].contains("seccomp"));
  context_.container.seccomp_profile = kProfile;
  Security().set_seccomp_profile_path("localhost//p.json");
#pragma GCC diagnostic pop
  EXPECT_EQ(Container()["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ALLOW");
}

TEST_F(SpecTest, PauseContainerHasALocalProfileToo) {
  PodSecurity().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  PodSecurity().mutable_seccomp()->set_localhost_ref("/p.json");
  context_.container.seccomp_profile = kProfile;
  EXPECT_EQ(Sandbox()["linux"]["seccomp"]["syscalls"].size(), 2u);
}

TEST_F(SpecTest, APrivilegedContainerIsNotConfined) {
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  context_.host.unset_seccomp_profile = "runtime/default";
  context_.host.apparmor = true;
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
  Security().mutable_seccomp()->set_localhost_ref("/p.json");
  Security().mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Security().mutable_apparmor()->set_localhost_ref("mine");
  const json spec = Container();
  EXPECT_FALSE(spec["linux"].contains("seccomp"));
  EXPECT_FALSE(spec["process"].contains("apparmorProfile"));
}

TEST_F(SpecTest, ApparmorIsByDefaultWhereTheNodeHasIt) {
  EXPECT_FALSE(Container()["process"].contains("apparmorProfile"));
  Security().mutable_apparmor();
  EXPECT_FALSE(Container()["process"].contains("apparmorProfile"));
  context_.host.apparmor = true;
  EXPECT_EQ(Container()["process"]["apparmorProfile"], "crisp-default");
  Security().clear_apparmor();
  EXPECT_EQ(Container()["process"]["apparmorProfile"], "crisp-default");
  EXPECT_FALSE(Sandbox()["process"].contains("apparmorProfile"));
  PodSecurity().mutable_apparmor();
  EXPECT_EQ(Sandbox()["process"]["apparmorProfile"], "crisp-default");
  Security().mutable_apparmor()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_FALSE(Container()["process"].contains("apparmorProfile"));
}

TEST_F(SpecTest, ALocalApparmorProfileIsByNameAndNeedsApparmor) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Security().set_apparmor_profile("localhost/old");
#pragma GCC diagnostic pop
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "\"old\"");
  context_.host.apparmor = true;
  EXPECT_EQ(Container()["process"]["apparmorProfile"], "old");
  Security().mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Security().mutable_apparmor()->set_localhost_ref("localhost/new");
  EXPECT_EQ(Container()["process"]["apparmorProfile"], "new");
}

TEST_F(SpecTest, SelinuxLabelsAreOfTheContainerElseOfThePodElseOfTheNode) {
  Security().mutable_selinux_options()->set_type("my_t");
  EXPECT_FALSE(Container()["process"].contains("selinuxLabel"));
  context_.host.selinux = {"system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0"};
  context_.pod.selinux_level = "s0:c1,c2";
  json spec = Container();
  EXPECT_EQ(spec["process"]["selinuxLabel"], "system_u:system_r:my_t:s0:c1,c2");
  EXPECT_EQ(spec["linux"]["mountLabel"], "system_u:object_r:container_file_t:s0:c1,c2");
  Security().clear_selinux_options();
  PodSecurity().mutable_selinux_options()->set_level("s0:c8,c9");
  spec = Container();
  EXPECT_EQ(spec["process"]["selinuxLabel"], "system_u:system_r:container_t:s0:c8,c9");
  EXPECT_EQ(Sandbox()["process"]["selinuxLabel"], spec["process"]["selinuxLabel"]);
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  spec = Container();
  EXPECT_EQ(spec["process"]["selinuxLabel"], "system_u:system_r:spc_t:s0");
  EXPECT_EQ(spec["linux"]["mountLabel"], "system_u:object_r:container_file_t:s0:c8,c9");
}

TEST_F(SpecTest, AmbientCapabilitiesAreInheritableToo) {
  Security().mutable_capabilities()->add_add_ambient_capabilities("NET_ADMIN");
  const json sets = Container()["process"]["capabilities"];
  for (const char* set : {"ambient", "inheritable"}) EXPECT_EQ(sets[set], json({"CAP_NET_ADMIN"})) << set;
  for (const char* set : {"bounding", "effective", "permitted"}) {
    EXPECT_THAT(sets[set].get<Strings>(), Contains("CAP_NET_ADMIN")) << set;
  }
}

TEST_F(SpecTest, UnprivilegedPortsAndPingsAreSysctlsOfThePodsNetwork) {
  context_.host.unprivileged_ports = context_.host.unprivileged_icmp = true;
  EXPECT_EQ(Sandbox()["linux"]["sysctl"],
            json({{"net.ipv4.ip_unprivileged_port_start", "0"}, {"net.ipv4.ping_group_range", "0 2147483647"}}));
  (*pod_.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "80";
  EXPECT_EQ(Sandbox()["linux"]["sysctl"]["net.ipv4.ip_unprivileged_port_start"], "80");
  pod_.mutable_linux()->clear_sysctls();
  PodNamespaceOptions().set_network(cri::NODE);
  EXPECT_FALSE(Sandbox("")["linux"].contains("sysctl"));
}

// --- Devices ---

TEST_F(SpecTest, DevicesAreMadeAndAllowed) {
  context_.container.devices = {{{"/dev/one", 'c', 10, 200, 0640, 1, 2}, "rw"},
                                {{"/dev/two", 'b', 7, 3, 0600, 0, 0}, "r"}};
  const json part = Container()["linux"];
  EXPECT_EQ(part["devices"][0], json({{"path", "/dev/one"},
                                      {"type", "c"},
                                      {"major", 10},
                                      {"minor", 200},
                                      {"fileMode", 0640},
                                      {"uid", 1},
                                      {"gid", 2}}));
  const json& rules = part["resources"]["devices"];
  EXPECT_EQ(rules[rules.size() - 2],
            json({{"allow", true}, {"type", "c"}, {"major", 10}, {"minor", 200}, {"access", "rw"}}));
  EXPECT_EQ(rules.back(), json({{"allow", true}, {"type", "b"}, {"major", 7}, {"minor", 3}, {"access", "r"}}));
  EXPECT_EQ(rules[0], json({{"allow", false}, {"access", "rwm"}}));
}

TEST_F(SpecTest, PrivilegedWithoutHostDevicesHasTheStandardOnes) {
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  context_.container.all_devices_allowed = false;
  const json part = Container()["linux"];
  EXPECT_EQ(part["devices"], json::array());
  EXPECT_EQ(part["resources"]["devices"][0], json({{"allow", false}, {"access", "rwm"}}));
}

// As the Container Device Interface has it, container-edits.
TEST_F(SpecTest, ACdiDeviceNodeWithoutAnOwnerBelongsToTheProcess) {
  CdiDeviceNode ownerless;
  ownerless.path = "/dev/a";
  ownerless.type = 'c';
  CdiDeviceNode owned = ownerless;
  owned.path = "/dev/b";
  owned.uid = 0;
  owned.gid = 44;
  context_.container.cdi.device_nodes = {ownerless, owned};
  const auto owner = [&](size_t i) {
    const json node = Container()["linux"]["devices"][i];
    return std::pair(node.value("uid", -1), node.value("gid", -1));
  };
  EXPECT_EQ(owner(0), std::pair(-1, -1)) << "root's, which is the runtime's default";
  user_.uid = 1000;
  EXPECT_EQ(owner(0), std::pair(1000, -1));
  user_.gid = 50;
  EXPECT_EQ(owner(0), std::pair(1000, 50));
  EXPECT_EQ(owner(1), std::pair(0, 44));
}

TEST_F(SpecTest, CdiEditsReachEveryPartOfTheSpec) {
  AddEnv("A", "mine");
  context_.container.cdi.env = {"A=vendor", "B=b"};
  CdiDeviceNode node;
  node.path = "/dev/vendor0";
  node.type = 'c';
  node.major = 240;
  node.minor = 1;
  context_.container.cdi.device_nodes = {node};
  context_.container.cdi.mounts = {{"/h/lib", "/usr/lib/x", "", {"ro", "nosuid"}}};
  context_.container.cdi.hooks = {{"createContainer", "/usr/bin/hook", {"hook", "ldcache"}, {}, 5}};
  context_.container.cdi.additional_gids = {44, 0};
  const json spec = Container();
  const Strings env = spec["process"]["env"];
  EXPECT_THAT(env, Contains("A=vendor"));
  EXPECT_THAT(env, Contains("B=b"));
  EXPECT_EQ(spec["linux"]["devices"],
            json::array({{{"path", "/dev/vendor0"}, {"type", "c"}, {"major", 240}, {"minor", 1}}}));
  EXPECT_EQ(spec["linux"]["resources"]["devices"].back()["access"], "rwm");
  EXPECT_EQ(MountAt(spec, "/usr/lib/x"), json({{"destination", "/usr/lib/x"},
                                               {"type", "bind"},
                                               {"source", "/h/lib"},
                                               {"options", {"ro", "nosuid", "rbind"}}}));
  EXPECT_EQ(spec["hooks"],
            json({{"createContainer",
                   json::array({{{"path", "/usr/bin/hook"}, {"args", {"hook", "ldcache"}}, {"timeout", 5}}})}}));
  EXPECT_EQ(spec["process"]["user"]["additionalGids"], json({44, 0}));
}

// --- Mounts ---

TEST_F(SpecTest, RecursiveReadonlyNeedsARuntimeThatCan) {
  cri::Mount& mount = AddMount("/h", "/m");
  mount.set_readonly(true);
  mount.set_recursive_read_only(true);
  const absl::Status refused = TryContainer().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message().substr(0, 14), "RROUnsupported");
  context_.handler.runtime.recursive_readonly = true;
  EXPECT_EQ(MountAt(Container(), "/m")["options"], json({"rbind", "rprivate", "ro", "rro"}));
}

TEST_F(SpecTest, IdmappedMountsNeedARuntimeThatCan) {
  cri::Mount& mount = AddMount("/h", "/m");
  for (cri::IDMapping* mapping : {mount.add_uidmappings(), mount.add_gidmappings()}) {
    mapping->set_host_id(1000);
    mapping->set_length(10);
  }
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.mounts[0].uidMappings");
  context_.handler.runtime.idmapped_mounts = true;
  const json expected = json::array({{{"containerID", 0}, {"hostID", 1000}, {"size", 10}}});
  EXPECT_EQ(MountAt(Container(), "/m")["uidMappings"], expected);
  EXPECT_EQ(MountAt(Container(), "/m")["gidMappings"], expected);
}

TEST_F(SpecTest, VolumesOfTheImageAreMountedBelowWhatThePodMounts) {
  context_.container.volumes = {{"/v/0", "/data"}, {"/v/1", "/srv/"}};
  AddMount("/h", "/srv/x");
  const json spec = Container();
  EXPECT_EQ(MountAt(spec, "/data")["source"], "/v/0");
  EXPECT_EQ(MountAt(spec, "/srv")["options"], json({"rbind", "rprivate", "rw"}));
  AddMount("/mine", "/data");
  EXPECT_EQ(MountAt(Container(), "/data")["source"], "/mine");
}

TEST_F(SpecTest, CgroupsAreWritableWhereTheyAreTheContainersOwn) {
  context_.handler.cgroup_writable = true;
  EXPECT_THAT(MountAt(Container(), "/sys/fs/cgroup")["options"].get<Strings>(), Contains("ro"));
  context_.host.cgroup_v2 = true;
  EXPECT_THAT(MountAt(Container(), "/sys/fs/cgroup")["options"].get<Strings>(), Contains("rw"));
  EXPECT_THAT(MountAt(Container(), "/sys")["options"].get<Strings>(), Contains("ro"));
}

// --- Namespaces ---

TEST_F(SpecTest, TargetSeesTheProcessesOfAnother) {
  Security().mutable_namespace_options()->set_pid(cri::TARGET);
  Security().mutable_namespace_options()->set_target_id("other");
  namespaces_.pid = "/pinned";
  EXPECT_THAT(Namespaces(Container()), Contains("pid=/pinned"));
}

TEST_F(SpecTest, AUserNamespaceIsMadeByThePauseAndJoinedByTheOthers) {
  cri::UserNamespace& user = *PodNamespaceOptions().mutable_userns_options();
  for (cri::IDMapping* mapping : {user.add_uids(), user.add_gids()}) {
    mapping->set_host_id(1000);
    mapping->set_length(100000);
  }
  ExpectError(TrySandbox("").status(), absl::StatusCode::kInvalidArgument, "userns_options");
  context_.handler.runtime.user_namespace = true;
  const json expected = json::array({{{"containerID", 0}, {"hostID", 1000}, {"size", 100000}}});
  const json sandbox = Sandbox("");
  EXPECT_THAT(Namespaces(sandbox), ElementsAre("ipc", "mount", "network", "pid", "user", "uts"));
  EXPECT_EQ(sandbox["linux"]["uidMappings"], expected);
  ExpectError(TryContainer().status(), absl::StatusCode::kInternal, "user namespace");
  namespaces_.user = "/n/user";
  const json spec = Container();
  EXPECT_THAT(Namespaces(spec),
              ElementsAre("ipc=/n/ipc", "mount", "network=/n/net", "pid=/n/pid", "user=/n/user", "uts=/n/uts"));
  EXPECT_EQ(spec["linux"]["gidMappings"], expected);
}

// Sysfs cannot be mounted by a user namespace that does not own the network namespace.
TEST_F(SpecTest, AUserNamespaceOnTheHostsNetworkGetsTheHostsSysReadOnly) {
  PodNamespaceOptions().set_network(cri::NODE);
  namespaces_ = {"", "/n/ipc", "", "/n/pid", ""};
  EXPECT_EQ(MountAt(Container(), "/sys")["type"], "sysfs");
  cri::UserNamespace& user = *PodNamespaceOptions().mutable_userns_options();
  for (cri::IDMapping* mapping : {user.add_uids(), user.add_gids()}) {
    mapping->set_host_id(1000);
    mapping->set_length(100000);
  }
  context_.handler.runtime.user_namespace = true;
  EXPECT_THAT(Namespaces(Sandbox("")), ElementsAre("ipc", "mount", "pid", "user"));
  namespaces_.user = "/n/user";
  const json spec = Container();
  EXPECT_THAT(Namespaces(spec), ElementsAre("ipc=/n/ipc", "mount", "pid=/n/pid", "user=/n/user"));
  EXPECT_EQ(MountAt(spec, "/sys"),
            json({{"destination", "/sys"},
                  {"type", "bind"},
                  {"source", "/sys"},
                  {"options", {"rbind", "rprivate", "ro", "rro", "nosuid", "noexec", "nodev"}}}));
}

TEST_F(SpecTest, ExecIsTheContainersProcessWithOtherArguments) {
  AddEnv("A", "b");
  container_.set_working_dir("/srv");
  Security().set_no_new_privs(true);
  user_ = {5, 6, {6}, "/"};
  json expected = Container()["process"];
  expected["args"] = {"ls", ""};
  EXPECT_EQ(json::parse(BuildExecProcess(Container().dump(), {"ls", ""}).value()), expected);
}

TEST_F(SpecTest, ATerminalComesWithATermUnlessThereIsOne) {
  using testing::Contains;
  using testing::Not;
  EXPECT_EQ(Container()["process"]["terminal"], false);
  EXPECT_THAT(Container()["process"]["env"].get<Strings>(), Not(Contains("TERM=xterm")));
  json exec = json::parse(BuildExecProcess(Container().dump(), {"sh"}, true).value());
  EXPECT_EQ(exec["terminal"], true);
  EXPECT_THAT(exec["env"].get<Strings>(), Contains("TERM=xterm"));
  container_.set_tty(true);
  EXPECT_EQ(Container()["process"]["terminal"], true);
  EXPECT_THAT(Container()["process"]["env"].get<Strings>(), Contains("TERM=xterm"));
  EXPECT_EQ(json::parse(BuildExecProcess(Container().dump(), {"sh"}).value())["terminal"], false);
  AddEnv("TERM", "vt100");
  exec = json::parse(BuildExecProcess(Container().dump(), {"sh"}, true).value());
  EXPECT_THAT(exec["env"].get<Strings>(), Contains("TERM=vt100"));
  EXPECT_THAT(exec["env"].get<Strings>(), Not(Contains("TERM=xterm")));
}

TEST_F(SpecTest, ExecRefusesWhatCannotBeRun) {
  const std::string spec = Container().dump();
  ExpectError(BuildExecProcess(spec, {}).status(), absl::StatusCode::kInvalidArgument, "cmd");
  ExpectError(BuildExecProcess(spec, {""}).status(), absl::StatusCode::kInvalidArgument, "cmd");
  ExpectError(BuildExecProcess(spec, {"a", std::string("\0", 1)}).status(), absl::StatusCode::kInvalidArgument,
              "cmd[1]");
  ExpectError(BuildExecProcess(spec, {"\xff"}).status(), absl::StatusCode::kInvalidArgument, "cmd[0]");
  for (const char* broken : {"", "{", "[]", "{}", "{\"process\": 1}"}) {
    ExpectError(BuildExecProcess(broken, {"a"}).status(), absl::StatusCode::kInternal, "OCI spec");
  }
}

}  // namespace
}  // namespace crisp
