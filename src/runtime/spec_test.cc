#include "runtime/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/capabilities.h"

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
    context_.id = std::string(64, 'c');
    context_.sandbox_id = std::string(64, 'a');
    context_.cgroup_parent = "/kubepods/pod1";
    context_.hostname = "node-7";
    context_.shm = "/run/shm";
    context_.resolv_conf = "/run/resolv.conf";
    context_.hostname_file = "/run/hostname";
    context_.hosts = "/run/hosts";
    pod_.mutable_metadata()->set_name("web");
    pod_.mutable_metadata()->set_uid("u");
    pod_.mutable_metadata()->set_namespace_("default");
    pod_.set_hostname("web-0");
    container_.mutable_metadata()->set_name("main");
    container_.mutable_image()->set_image("sha256:0");
    image_.entrypoint = {"/entry"};
    image_.cmd = {"cmd"};
    namespaces_ = {"/n/net", "/n/ipc", "/n/uts", "/n/pid"};
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

TEST_F(SpecTest, HostnameIsTheNodesIfThePodHasNone) {
  pod_.clear_hostname();
  EXPECT_THAT(Container()["process"]["env"].get<Strings>(), Contains("HOSTNAME=node-7"));
  EXPECT_EQ(Sandbox()["hostname"], "node-7");
  context_.hostname.clear();
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
  context_.oom_score_adj_floor = 100;
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
  context_.host_capabilities = DefaultCapabilities();
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
  context_.shm = context_.resolv_conf = context_.hostname_file = context_.hosts = "";
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

TEST_F(SpecTest, AWholeDevBringsWhatIsBelowIt) {
  AddMount("/dev", "/dev");
  AddMount("/sys", "/sys");
  EXPECT_THAT(Destinations(Container()),
              ElementsAre("/proc", "/dev", "/sys", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"));
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
  context_.cgroup_v2 = true;
  EXPECT_THAT(Namespaces(Container()), Contains("cgroup"));
  EXPECT_THAT(Namespaces(Sandbox()), Contains("cgroup"));
  PodSecurity().set_privileged(true);
  Security().set_privileged(true);
  EXPECT_THAT(Namespaces(Container()), Not(Contains("cgroup")));
}

TEST_F(SpecTest, HostNamespacesAreNotJoined) {
  PodNamespaceOptions().set_network(cri::NODE);
  PodNamespaceOptions().set_ipc(cri::NODE);
  namespaces_ = {"", "", "", "/n/pid"};
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
  context_.swap_accounting = true;
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
  ExpectError(TryContainer().status(), absl::StatusCode::kUnimplemented, "config.linux.resources.hugepage_limits[0]");
  context_.hugepage_limits = true;
  EXPECT_EQ(Container()["linux"]["resources"]["hugepageLimits"],
            json::array({{{"pageSize", "2MB"}, {"limit", 1 << 21}}}));
}

TEST_F(SpecTest, UnifiedNeedsCgroupV2) {
  (*Resources().mutable_unified())["memory.oom.group"] = "1";
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.linux.resources.unified");
  context_.cgroup_v2 = true;
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

TEST_F(SpecTest, OrdinaryContainerHasStandardDevicesOnly) {
  context_.host_devices = {{"/dev/sda", 'b', 8, 0, 0660, 0, 6}};
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
  context_.host_devices = {{"/dev/sda", 'b', 8, 0, 0660, 0, 6}};
  context_.host_capabilities = ~(uint64_t{1} << 24);
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
  EXPECT_EQ(Container()["annotations"], json({{"io.kubernetes.cri.container-type", "container"},
                                              {"io.kubernetes.cri.sandbox-id", std::string(64, 'a')},
                                              {"io.kubernetes.cri.sandbox-name", "web"},
                                              {"io.kubernetes.cri.sandbox-namespace", "default"},
                                              {"io.kubernetes.cri.sandbox-uid", "u"},
                                              {"io.kubernetes.cri.container-name", "main"}}));
  EXPECT_EQ(Sandbox()["annotations"]["io.kubernetes.cri.container-type"], "sandbox");
  EXPECT_THAT(Sandbox().dump(), Not(HasSubstr("evil")));
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
  const std::string id = context_.id;
  const auto path = [&](const std::string& parent, bool systemd) {
    context_.cgroup_parent = parent;
    context_.systemd_cgroup = systemd;
    return CgroupsPath(context_);
  };
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
  context_.systemd_cgroup = true;
  for (const char* parent : {"/kubepods/pod1", ".slice", "a.slice:x.slice", "-a.slice", "a--b.slice", "a-.slice",
                             "a b.slice", "/a.slice/b", "a.slic", "a/.slice"}) {
    context_.cgroup_parent = parent;
    ExpectError(TrySandbox().status(), absl::StatusCode::kInvalidArgument, "config.linux.cgroup_parent");
    ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "config.linux.cgroup_parent");
  }
  for (const char* parent : {"", "-.slice", "/test.slice"}) {
    context_.cgroup_parent = parent;
    EXPECT_TRUE(TrySandbox().ok()) << parent;
  }
}

TEST_F(SpecTest, StringsOfTheImageAreChecked) {
  image_.entrypoint = {std::string("/a\0b", 4)};
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "entrypoint has a NUL");
  image_.entrypoint = {"/\xff"};
  ExpectError(TryContainer().status(), absl::StatusCode::kInvalidArgument, "UTF-8");
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
