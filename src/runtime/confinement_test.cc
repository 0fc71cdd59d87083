// Profiles, labels, devices and vendors' files: what is taken, and what is refused with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/testing/status_text.h"
#include "os/testing/test_dir.h"
#include "runtime/apparmor.h"
#include "runtime/cdi.h"
#include "runtime/cdi_files.h"
#include "runtime/devices.h"
#include "runtime/runtime_features.h"
#include "runtime/seccomp_default.h"
#include "runtime/seccomp_profile.h"
#include "runtime/selinux.h"
#include "runtime/yaml.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Strings = std::vector<std::string>;

// A directory for the files of a test.
class FilesTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(dir_, "/", name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

// --- The default seccomp profile ---

constexpr uint64_t Bit(int capability) {
  return uint64_t{1} << capability;
}

// The actions that a call may come to, whatever its arguments.
Strings ActionsOf(const json& profile, const std::string& name) {
  Strings actions;
  for (const json& rule : profile["syscalls"]) {
    for (const json& one : rule["names"]) {
      if (one == name) actions.push_back(rule.contains("args") ? "by argument" : rule["action"].get<std::string>());
    }
  }
  return actions;
}

TEST(DefaultSeccompTest, EveryNameIsThatOfASystemCall) {
  // Newer than the libseccomp 2.5.4 of Debian 12, and so passed over by its runc.
  const Strings newer = {"cachestat",         "fchmodat2",       "futex_requeue", "futex_wait",
                         "futex_wake",        "getxattrat",      "listmount",     "listxattrat",
                         "map_shadow_stack",  "mseal",           "removexattrat", "setxattrat",
                         "statmount",         "uretprobe",       "riscv_hwprobe", "lsm_get_self_attr",
                         "lsm_set_self_attr", "lsm_list_modules"};
  for (const std::string& name : DefaultSeccompNames()) {
    if (std::find(newer.begin(), newer.end(), name) != newer.end()) continue;
    EXPECT_NE(seccomp_syscall_resolve_name(name.c_str()), __NR_SCMP_ERROR) << name;
  }
}

TEST(DefaultSeccompTest, NoNameIsAllowedTwiceWithoutCondition) {
  const json profile = DefaultSeccomp(0, "x86_64");
  for (const std::string& name : DefaultSeccompNames()) {
    EXPECT_LE(ActionsOf(profile, name).size(), 5u) << name;
    const Strings actions = ActionsOf(profile, name);
    EXPECT_LE(std::count(actions.begin(), actions.end(), "SCMP_ACT_ALLOW"), 1) << name;
  }
}

TEST(DefaultSeccompTest, WhatLedOutOfContainersIsNotThere) {
  for (const uint64_t capabilities : {uint64_t{0}, ~uint64_t{0}}) {
    const json profile = DefaultSeccomp(capabilities, "x86_64");
    EXPECT_EQ(profile["defaultAction"], "SCMP_ACT_ERRNO");
    EXPECT_EQ(profile["defaultErrnoRet"], 1);
    for (const char* name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key",
                             "request_key", "userfaultfd", "kexec_load", "swapon", "pivot_root"}) {
      EXPECT_THAT(ActionsOf(profile, name), IsEmpty()) << name;
    }
    EXPECT_THAT(ActionsOf(profile, "socket"), ElementsAre("by argument", "by argument", "by argument"));
  }
}

// 32-bit programs make every socket by socketcall(2); an LSM's attributes are a process's own.
TEST(DefaultSeccompTest, WhatProgramsAreLostWithoutIsThere) {
  for (const char* architecture : {"x86_64", "aarch64", "s390x"}) {
    const json profile = DefaultSeccomp(0, architecture);
    for (const char* name : {"socketcall", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules"}) {
      EXPECT_THAT(ActionsOf(profile, name), ElementsAre("SCMP_ACT_ALLOW")) << architecture << " " << name;
    }
  }
}

TEST(DefaultSeccompTest, CapabilitiesOpenWhatTheyAreFor) {
  const auto allows = [](uint64_t capabilities, const char* name) {
    const Strings actions = ActionsOf(DefaultSeccomp(capabilities, "x86_64"), name);
    return std::find(actions.begin(), actions.end(), "SCMP_ACT_ALLOW") != actions.end();
  };
  EXPECT_TRUE(allows(0, "read"));
  for (const char* name : {"mount", "unshare", "setns", "bpf", "sethostname", "chroot", "reboot", "open_by_handle_at",
                           "settimeofday", "syslog", "clone", "clone3"}) {
    EXPECT_FALSE(allows(0, name)) << name;
  }
  EXPECT_TRUE(allows(Bit(CAP_SYS_ADMIN), "mount"));
  EXPECT_TRUE(allows(Bit(CAP_SYS_ADMIN), "clone3"));
  EXPECT_TRUE(allows(Bit(CAP_SYS_CHROOT), "chroot"));
  EXPECT_TRUE(allows(Bit(CAP_SYSLOG), "syslog"));
  EXPECT_TRUE(allows(Bit(CAP_DAC_READ_SEARCH), "open_by_handle_at"));
  const json plain = DefaultSeccomp(0, "x86_64");
  EXPECT_EQ(plain["syscalls"].back(), json({{"names", {"clone3"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 38}}));
}

TEST(DefaultSeccompTest, ArchitecturesHaveTheirOwn) {
  EXPECT_THAT(ActionsOf(DefaultSeccomp(0, "x86_64"), "arch_prctl"), ElementsAre("SCMP_ACT_ALLOW"));
  EXPECT_THAT(ActionsOf(DefaultSeccomp(0, "aarch64"), "arch_prctl"), IsEmpty());
  EXPECT_EQ(DefaultSeccomp(0, "aarch64")["architectures"], json({"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}));
  EXPECT_FALSE(DefaultSeccomp(0, "vax").contains("architectures"));
  EXPECT_EQ(GoArchitecture("x86_64"), "amd64");
}

// --- Profiles of the operator ---

const SeccompHost kHost{Bit(CAP_CHOWN), "x86_64", 6, 1};

absl::StatusOr<json> Profile(const std::string& text) {
  return ParseSeccompProfile(text, kHost);
}

TEST(SeccompProfileTest, OciFormComesThrough) {
  const char* text = R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 5,
    "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"], "syscalls": [
      {"names": ["a", "b"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
       "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]}]})";
  EXPECT_EQ(Profile(text).value(), json::parse(text));
}

TEST(SeccompProfileTest, ConditionsOfDockerAreDecided) {
  const auto survives = [](const std::string& condition) {
    const auto profile = Profile(absl::StrCat(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "a", "action": "SCMP_ACT_ALLOW", "comment": "c", )",
        condition, "}]}"));
    EXPECT_TRUE(profile.ok()) << profile.status() << condition;
    return profile.ok() && profile->contains("syscalls");
  };
  EXPECT_TRUE(survives(R"("includes": {}, "excludes": {})"));
  EXPECT_TRUE(survives(R"("includes": {"caps": ["CAP_CHOWN"]})"));
  EXPECT_FALSE(survives(R"("includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]})"));
  EXPECT_FALSE(survives(R"("excludes": {"caps": ["CAP_CHOWN"]})"));
  EXPECT_TRUE(survives(R"("excludes": {"caps": ["CAP_SYS_ADMIN"]})"));
  EXPECT_TRUE(survives(R"("includes": {"arches": ["amd64", "x32"]})"));
  EXPECT_FALSE(survives(R"("includes": {"arches": ["arm64"]})"));
  EXPECT_FALSE(survives(R"("excludes": {"arches": ["amd64"]})"));
  EXPECT_TRUE(survives(R"("includes": {"minKernel": "4.8"})"));
  EXPECT_TRUE(survives(R"("includes": {"minKernel": "6.1"})"));
  EXPECT_FALSE(survives(R"("includes": {"minKernel": "6.2"})"));
  EXPECT_FALSE(survives(R"("excludes": {"minKernel": "6.0"})"));
  EXPECT_EQ(Profile(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [
      {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
      {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}]})")
                .value()["architectures"],
            json({"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}));
}

TEST(SeccompProfileTest, WhatIsWrongIsNamed) {
  const auto refused = [](const std::string& text, const std::string& what) {
    const absl::Status status = Profile(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text << ": " << status;
    EXPECT_THAT(Text(status), HasSubstr(what)) << text;
  };
  refused("", "empty");
  refused("{", "JSON");
  refused("[]", "not an object");
  refused("{}", "\"defaultAction\" is missing");
  refused(R"({"defaultAction": "ALLOW"})", "not an action");
  refused(R"({"defaultAction": "SCMP_ACT_ALLOW", "sysclls": []})", "\"sysclls\"");
  refused(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]})", "not a flag");
  const auto rule = [&](const std::string& text, const std::string& what) {
    refused(absl::StrCat(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)", text, "]}"), what);
  };
  rule("3", "\"syscalls\"[0]: is not an object");
  rule(R"({"action": "SCMP_ACT_ALLOW"})", "names no system call");
  rule(R"({"names": [""], "action": "SCMP_ACT_ALLOW"})", "is empty");
  rule(R"({"names": ["a"]})", "\"action\" is missing");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "errnoRet": 4096})", "errnoRet");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "errnoRet": -1})", "errnoRet");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]})", "index");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]})",
       "value");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "="}]})", "operator");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["FLY"]}})", "FLY");
  rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4"}})", "kernel version");
  refused(std::string(2 << 20, ' '), "bytes");
}

TEST_F(FilesTest, SeccompProfileIsARegularFileOfLimitedSize) {
  EXPECT_EQ(ReadSeccompProfile(Write("p.json", "{}")).value(), "{}");
  EXPECT_THAT(Text(ReadSeccompProfile(dir_ + "/none").status()), HasSubstr("no such file"));
  EXPECT_THAT(Text(ReadSeccompProfile(dir_).status()), HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
  EXPECT_THAT(Text(ReadSeccompProfile(dir_ + "/fifo").status()), HasSubstr("not a regular file"));
  EXPECT_THAT(Text(ReadSeccompProfile(Write("big", std::string(2 << 20, ' '))).status()), HasSubstr("larger"));
}

// --- AppArmor ---

TEST(ApparmorTest, FindsAProfileInTheKernelsList) {
  const char* list = "crisp-default (enforce)\n/usr/bin/man (complain)\nwith space (x) (enforce)\n";
  EXPECT_TRUE(ListsProfile(list, "crisp-default"));
  EXPECT_TRUE(ListsProfile(list, "/usr/bin/man"));
  EXPECT_TRUE(ListsProfile(list, "with space (x)"));
  EXPECT_FALSE(ListsProfile(list, "crisp"));
  EXPECT_FALSE(ListsProfile(list, "crisp-default (enforce)"));
  EXPECT_FALSE(ListsProfile("", ""));
}

TEST(ApparmorTest, TheTextIsOfTheDefaultProfile) {
  EXPECT_THAT(DefaultApparmorText(), HasSubstr("profile crisp-default "));
  EXPECT_THAT(DefaultApparmorText(), Not(HasSubstr("$")));
}

// --- SELinux ---

TEST(SelinuxTest, LevelsAreSensitivitiesAndCategories) {
  for (const char* level : {"s0", "s0-s1", "s0:c1", "s0:c4,c5", "s0-s0:c0.c1023", "s15:c1.c3,c7"}) {
    EXPECT_TRUE(IsSelinuxLevel(level)) << level;
  }
  for (const char* level :
       {"", "s", "c1", "s0,c4,c5", "s0:", "s0:c", "s0:c1,", "s0:c12345", "s0-", "s0:c1.c", "s0 ", "s0:c1:c2", "s0\n"}) {
    EXPECT_FALSE(IsSelinuxLevel(level)) << level;
  }
}

TEST(SelinuxTest, ContextsOfAPolicy) {
  const auto labels = ParseSelinuxContexts(
      "process = \"system_u:system_r:container_t:s0\"\ncontent = \"x\"\nfile = "
      "\"system_u:object_r:container_file_t:s0\"\n");
  ASSERT_TRUE(labels.ok()) << labels.status();
  EXPECT_EQ(labels->process, "system_u:system_r:container_t:s0");
  EXPECT_EQ(labels->file, "system_u:object_r:container_file_t:s0");
  EXPECT_FALSE(ParseSelinuxContexts("process = \"a:b\"\n").ok());
  EXPECT_FALSE(ParseSelinuxContexts("").ok());
}

TEST(SelinuxTest, TheNodesOwnDirectoriesAreNotRelabelled) {
  for (const std::string path : {"/", "/usr", "/etc", "/etc/shadow", "/home", "/var/lib", "/run", "/proc"}) {
    const absl::Status status = CheckRelabel(path, "config.mounts[0].selinux_relabel");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_NE(status.message().find("config.mounts[0].selinux_relabel"), absl::string_view::npos);
  }
  for (const std::string path : {"/var/lib/kubelet/pods/x/volumes/y", "/srv/data", "/home/user/data", "/etcetera"}) {
    EXPECT_EQ(CheckRelabel(path, "field"), absl::OkStatus()) << path;
  }
}

TEST(SelinuxTest, EveryPodGetsCategoriesOfItsOwn) {
  std::set<std::string> taken;
  for (int i = 0; i < 6; ++i) {
    const auto level = NewSelinuxLevel(4, taken, [] { return uint32_t{12345}; });
    ASSERT_TRUE(level.ok()) << level.status();
    EXPECT_TRUE(IsSelinuxLevel(*level)) << *level;
    EXPECT_TRUE(taken.insert(*level).second);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(NewSelinuxLevel(4, taken, [] { return 0u; }).status()));
  EXPECT_FALSE(NewSelinuxLevel(1, {}, [] { return 0u; }).ok());
}

// --- Features of OCI runtimes ---

TEST(RuntimeFeaturesTest, OnlyWhatIsSaidIsThere) {
  EXPECT_EQ(ParseRuntimeFeatures("{}").value(), RuntimeFeatures{});
  EXPECT_EQ(
      ParseRuntimeFeatures(R"({"mountOptions": ["ro", "rro"], "linux": {"namespaces": ["user", "pid"]}})").value(),
      (RuntimeFeatures{true, false, true}));
  EXPECT_EQ(
      ParseRuntimeFeatures(R"({"linux": {"namespaces": ["user"], "mountExtensions": {"idmap": {"enabled": true}}}})")
          .value(),
      (RuntimeFeatures{false, true, true}));
  EXPECT_EQ(ParseRuntimeFeatures(R"({"annotations": {"org.opencontainers.runc.version": "1.4.3\n"}})").value(),
            (RuntimeFeatures{.runc_version = "1.4.3"}));
  EXPECT_EQ(ParseRuntimeFeatures(R"({"annotations": {"org.opencontainers.runc.version": 1}})").value(),
            RuntimeFeatures{});
  EXPECT_EQ(ParseRuntimeFeatures(R"({"mountOptions": {"rro": 1}, "linux": 5})").value(), RuntimeFeatures{});
  EXPECT_FALSE(ParseRuntimeFeatures("no").ok());
}

TEST(RuntimeFeaturesTest, AnOldProgramIsKnownByItsVersion) {
  EXPECT_EQ(FeaturesOfOldRuntime("crun version 1.8.1\ncommit: x"), (RuntimeFeatures{true, true, true}));
  EXPECT_EQ(FeaturesOfOldRuntime("runc version 1.0.3\nspec: 1.0.2"), (RuntimeFeatures{.runc_version = "1.0.3"}));
  for (const char* other : {"crun version 0.21\n", "crun version x\n", "youki version 1.8.1\n", ""}) {
    EXPECT_EQ(FeaturesOfOldRuntime(other), std::nullopt) << other;
  }
}

TEST(RuntimeFeaturesTest, TheRealRuncIsAsked) {
  if (access("/usr/sbin/runc", X_OK) != 0) GTEST_SKIP() << "needs /usr/sbin/runc";
  const auto features = AskRuntimeFeatures("/usr/sbin/runc", CallContext());
  ASSERT_TRUE(features.ok()) << features.status();
  EXPECT_TRUE(features->recursive_readonly);
  EXPECT_TRUE(features->user_namespace);
  EXPECT_THAT(features->runc_version, testing::MatchesRegex("[0-9]+[.][0-9]+[.][0-9]+[^ \n]*"));
  EXPECT_FALSE(AskRuntimeFeatures("/bin/false", CallContext()).ok());
  EXPECT_FALSE(AskRuntimeFeatures("/no/such/program", CallContext()).ok());
}

// --- Devices ---

cri::Device Device(const std::string& host, const std::string& container, const std::string& permissions) {
  cri::Device device;
  device.set_host_path(host);
  device.set_container_path(container);
  device.set_permissions(permissions);
  return device;
}

TEST_F(FilesTest, DevicesAreFoundBehindLinksAndInDirectories) {
  const auto null = FindDevices(Device("/dev/null", "/dev/x", "r"), "f").value();
  ASSERT_EQ(null.size(), 1u);
  EXPECT_EQ(null[0].node.path, "/dev/x");
  EXPECT_EQ(null[0].node.type, 'c');
  EXPECT_EQ(null[0].node.major, 1);
  EXPECT_EQ(null[0].node.minor, 3);
  EXPECT_EQ(null[0].permissions, "r");
  std::filesystem::create_symlink("/dev/zero", dir_ + "/link");
  EXPECT_EQ(FindDevices(Device(dir_ + "/link", "/dev/x", ""), "f").value()[0].permissions, "rwm");
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to make devices";
  ASSERT_EQ(mknod((dir_ + "/a").c_str(), S_IFCHR | 0600, makedev(1, 5)), 0);
  std::filesystem::create_directory(dir_ + "/sub");
  ASSERT_EQ(mknod((dir_ + "/sub/b").c_str(), S_IFCHR | 0600, makedev(1, 7)), 0);
  Write("file", "");
  const auto found = FindDevices(Device(dir_, "/dev/mine/", "rw"), "f").value();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].node.path, "/dev/mine/a");
  EXPECT_EQ(found[1].node.path, "/dev/mine/sub/b");
}

TEST_F(FilesTest, WhatIsNoDeviceIsRefused) {
  EXPECT_THAT(Text(FindDevices(Device(dir_ + "/none", "/d", ""), "config.devices[2]").status()),
              HasSubstr("field config.devices[2].host_path: there is no"));
  EXPECT_THAT(Text(FindDevices(Device(Write("file", ""), "/d", ""), "f").status()), HasSubstr("neither a device nor"));
}

// --- YAML ---

TEST(YamlTest, IsReadAsJson) {
  EXPECT_EQ(ParseYamlObject("a: 1\nb: [x, 'true', true, ~, -3, 0644]\nc:\n  - d: \"5\"\n    e:\n").value(),
            json::parse(R"({"a": 1, "b": ["x", "true", true, null, -3, 420], "c": [{"d": "5", "e": null}]})"));
  EXPECT_EQ(ParseYamlObject(R"({"json": ["is", "yaml"]})").value(), json::parse(R"({"json": ["is", "yaml"]})"));
}

TEST(YamlTest, BombsAndGarbageAreRefused) {
  for (const std::string& text :
       {std::string(""), std::string("- a"), std::string("a: &x [1]\nb: *x"), std::string("a: 1\na: 2"),
        std::string("a: 1\n---\nb: 2"), std::string("[a]: b"), std::string("a: [1"), std::string("\tx: 1"),
        std::string("a: ") + std::string(100, '['), std::string("a: !!binary \xff\xfe")}) {
    EXPECT_FALSE(ParseYamlObject(text).ok()) << text;
  }
}

// --- CDI ---

constexpr const char* kSpec = R"({"cdiVersion": "0.6.0", "kind": "vendor.example/thing", "annotations": {"x": "y"},
  "containerEdits": {"env": ["ALL=1"]},
  "devices": [
    {"name": "0", "containerEdits": {"env": ["ZERO=1"],
      "deviceNodes": [{"path": "/dev/t0", "hostPath": "/dev/null", "permissions": "rw"}],
      "mounts": [{"hostPath": "/h", "containerPath": "/c", "options": ["ro"]}],
      "hooks": [{"hookName": "createContainer", "path": "/bin/hook", "args": ["hook"], "timeout": 3}],
      "additionalGids": [5]}},
    {"name": "one", "containerEdits": {"env": ["ONE=1"]}}]})";

TEST(CdiTest, AFileIsReadInBothForms) {
  const auto spec = ParseCdiSpec(kSpec, false);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->kind, "vendor.example/thing");
  ASSERT_EQ(spec->devices.size(), 2u);
  const CdiEdits& zero = spec->devices.at("0");
  EXPECT_THAT(zero.env, ElementsAre("ZERO=1"));
  EXPECT_EQ(zero.device_nodes[0].host_path, "/dev/null");
  EXPECT_EQ(zero.mounts[0].container_path, "/c");
  EXPECT_EQ(zero.hooks[0].timeout, 3);
  EXPECT_THAT(zero.additional_gids, ElementsAre(5u));
  const auto yaml = ParseCdiSpec(
      "cdiVersion: 0.5.0\nkind: vendor.example/thing\ndevices:\n- name: \"0\"\n  containerEdits:\n    env:\n    - "
      "A=b\n",
      true);
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  EXPECT_THAT(yaml->devices.at("0").env, ElementsAre("A=b"));
}

TEST(CdiTest, WhatIsWrongIsNamed) {
  const auto refused = [](json change, const std::string& what) {
    json spec = json::parse(kSpec);
    spec.merge_patch(change);
    const absl::Status status = ParseCdiSpec(spec.dump(), false).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << change << ": " << status;
    EXPECT_THAT(Text(status), HasSubstr(what)) << change;
  };
  refused({{"cdiVersion", nullptr}}, "cdiVersion");
  refused({{"cdiVersion", "2.0"}}, "newer");
  refused({{"kind", "vendor"}}, "kind");
  refused({{"kind", "-v/c"}}, "kind");
  refused({{"more", 1}}, "\"more\"");
  refused({{"devices", {{{"name", "a b"}}}}}, "devices[0]");
  refused({{"devices", {{{"name", "a"}}, {{"name", "a"}}}}}, "twice");
  const auto edit = [&](json edits, const std::string& what) { refused({{"containerEdits", edits}}, what); };
  edit({{"env", {"A"}}}, "NAME=value");
  edit({{"env", {5}}}, "containerEdits.env[0]");
  edit({{"deviceNodes", {{{"path", "x"}}}}}, "deviceNodes[0].path");
  edit({{"deviceNodes", {{{"path", "/x"}, {"type", "z"}}}}}, "type");
  edit({{"deviceNodes", {{{"path", "/x"}, {"major", -1}}}}}, "major");
  edit({{"deviceNodes", {{{"path", "/x"}, {"permissions", "x"}}}}}, "permissions");
  edit({{"mounts", {{{"containerPath", "/x"}}}}}, "hostPath");
  edit({{"hooks", {{{"hookName", "whenever"}, {"path", "/x"}}}}}, "whenever");
  edit({{"hooks", {{{"hookName", "prestart"}, {"path", "x"}}}}}, "hooks[0].path");
  edit({{"additionalGids", {4294967295}}}, "group id");
  edit({{"intelRdt", {{"closID", "x"}}}}, "intelRdt");
  edit({{"env", {std::string("A=\0", 3)}}}, "NUL");
}

TEST(CdiTest, NamesAreVendorClassAndDevice) {
  EXPECT_EQ(ParseCdiName("vendor.com/class=dev:1")->device, "dev:1");
  EXPECT_EQ(ParseCdiName("v/c=0")->kind, "v/c");
  for (const char* name : {"", "v/c", "v=x", "/c=x", "v/=x", "v/c=", "v/c=a b", "1v/c=x", "v/c=x/../y", "v/c=\n"}) {
    EXPECT_FALSE(ParseCdiName(name).has_value()) << name;
  }
}

TEST_F(FilesTest, CdiDevicesAreFoundInDirectories) {
  Write("etc/a.json", kSpec);
  Write(
      "run/b.yaml",
      "cdiVersion: 0.6.0\nkind: vendor.example/thing\ndevices:\n- name: one\n  containerEdits:\n    env: [ONE=run]\n");
  Write("etc/readme.txt", "no");
  const Strings dirs = {dir_ + "/etc", dir_ + "/run", dir_ + "/none"};
  const auto edits = FindCdiDevices(dirs, {"vendor.example/thing=0", "vendor.example/thing=one"});
  ASSERT_TRUE(edits.ok()) << edits.status();
  // Those of the file once, then the device's; the later directory's "one" hides the other.
  EXPECT_THAT(edits->env, ElementsAre("ALL=1", "ZERO=1", "ONE=run"));
  EXPECT_EQ(edits->device_nodes[0].type, 'c');
  EXPECT_EQ(edits->device_nodes[0].major, 1);
  EXPECT_EQ(edits->device_nodes[0].minor, 3);
  EXPECT_EQ(edits->device_nodes[0].file_mode, 0666u);
  EXPECT_EQ(edits->device_nodes[0].uid, std::nullopt) << "not the host's";
  EXPECT_THAT(Text(FindCdiDevices(dirs, {"vendor.example/thing=2"}).status()),
              HasSubstr("no CDI device \"vendor.example/thing=2\""));
  Write("etc/broken.json", "{");
  EXPECT_TRUE(FindCdiDevices(dirs, {"vendor.example/thing=0"}).ok());
  EXPECT_THAT(Text(FindCdiDevices(dirs, {"v/c=2"}).status()), HasSubstr("broken.json"));
  Write("etc/copy.json", kSpec);
  EXPECT_THAT(Text(FindCdiDevices(dirs, {"vendor.example/thing=0"}).status()), HasSubstr("remove one"));
}

TEST_F(FilesTest, ACdiNodeThatSaysWhatItIsNeedNotBeOnTheHost) {
  Write("etc/a.json", R"({"cdiVersion": "0.6.0", "kind": "v/c", "devices": [
      {"name": "made", "containerEdits": {"deviceNodes": [
        {"path": "/dev/none", "type": "c", "major": 240, "minor": 1}, {"path": "/dev/pipe", "type": "p"}]}},
      {"name": "known", "containerEdits": {"deviceNodes": [
        {"path": "/dev/none", "hostPath": "/dev/null", "type": "c", "major": 240, "minor": 1}]}},
      {"name": "unknown", "containerEdits": {"deviceNodes": [{"path": "/dev/none", "type": "c"}]}}]})");
  const auto made = FindCdiDevices({dir_ + "/etc"}, {"v/c=made"});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->device_nodes[0].file_mode, std::nullopt);
  const auto known = FindCdiDevices({dir_ + "/etc"}, {"v/c=known"});
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->device_nodes[0].file_mode, 0666u);
  EXPECT_EQ(known->device_nodes[0].major, 240);
  EXPECT_THAT(Text(FindCdiDevices({dir_ + "/etc"}, {"v/c=unknown"}).status()), HasSubstr("/dev/none"));
}

TEST(CdiTest, NamesOfAContainerAreOfTheFieldAndOfAnnotations) {
  cri::ContainerConfig config;
  config.add_cdi_devices()->set_name("v/c=1");
  (*config.mutable_annotations())["cdi.k8s.io/plugin"] = "v/c=2, v/c=1";
  (*config.mutable_annotations())["other"] = "v/c=3";
  EXPECT_THAT(CdiNamesOf(config).value(), ElementsAre("v/c=1", "v/c=2"));
}

}  // namespace
}  // namespace crisp
