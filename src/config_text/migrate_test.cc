#include "config_text/migrate.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/load_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string Data(const std::string& name) {
  std::ifstream file(absl::StrCat(CONFIG_TESTDATA "/", name));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Migrated(const std::string& content, bool drop_in = false) {
  const absl::StatusOr<MigratedFile> migration = MigrateFile("a.toml", content, drop_in);
  EXPECT_TRUE(migration.ok()) << migration.status();
  return migration.ok() ? migration->content : "";
}

std::string ErrorOf(const std::string& content) {
  const absl::StatusOr<MigratedFile> migration = MigrateFile("a.toml", content, false);
  EXPECT_EQ(migration.status().code(), absl::StatusCode::kInvalidArgument) << migration.status();
  return std::string(migration.status().message());
}

Config ConfigOf(const std::string& content) {
  const Reading reading = ReadConfigurationText("a.toml", content);
  EXPECT_TRUE(reading.config.ok()) << reading.config.status();
  return reading.config.ok() ? *reading.config : Config();
}

TEST(MigrateTest, ContainerdsDefaultFilesMeanTheSameAndGiveNoWarning) {
  for (const std::string name : {"1.6", "1.7", "2.0", "2.1", "2.2", "2.3"}) {
    SCOPED_TRACE(name);
    const std::string content = Data(absl::StrCat("defaults-", name, ".toml"));
    const std::string migrated = Migrated(content);
    EXPECT_EQ(ConfigOf(migrated), ConfigOf(content));
    EXPECT_THAT(ReadConfigurationText("a.toml", migrated).warnings, IsEmpty()) << migrated;
    EXPECT_EQ(Migrated(migrated), migrated);
  }
}

TEST(MigrateTest, AFileOfTheCurrentVersionStaysAsItIs) {
  for (const std::string name : {"2.0", "2.1", "2.2", "2.3"}) {
    const std::string content = Data(absl::StrCat("defaults-", name, ".toml"));
    EXPECT_EQ(Migrated(content), content) << name;
  }
  EXPECT_EQ(Migrated(""), "");
  EXPECT_EQ(Migrated("# nothing\n"), "# nothing\n");
}

TEST(MigrateTest, AUsersFileKeepsItsCommentsAndGetsItsMirrorMended) {
  const std::string content = Data("containerd-1.6.6-config.toml");
  const std::string migrated = Migrated(content);
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    if (!absl::StrContains(line, "#")) continue;
    EXPECT_THAT(migrated, HasSubstr(std::string(line)));
  }
  EXPECT_THAT(migrated,
              AllOf(HasSubstr("https://registry.cn-hangzhou.aliyuncs.com/v2/google_containers"),
                    HasSubstr("version = 3"), Not(HasSubstr("\n  [plugins.\"io.containerd.grpc.v1.cri\".cni]"))));
  Config expected = ConfigOf(content);
  expected.registry.mirrors["k8s.gcr.io"] = {"https://registry.cn-hangzhou.aliyuncs.com/v2/google_containers"};
  EXPECT_EQ(ConfigOf(migrated), expected);
  EXPECT_THAT(ReadConfigurationText("a.toml", migrated).warnings, IsEmpty());
  EXPECT_EQ(Migrated(migrated), migrated);
}

TEST(MigrateTest, KeysMoveToTheirNewTablesWithTheCommentsAboveThem) {
  EXPECT_EQ(Migrated(R"(# My node.
version = 2 # since 1.3

# Everything of the CRI.
[plugins."io.containerd.grpc.v1.cri"] # the plugin
  # A mirror of pause.
  sandbox_image = 'host/pause:3.9'  # pinned
  enable_selinux = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true

  # Two at once.
  max_concurrent_downloads = 2
  stream_server_port = "10010"
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "/srv/cni"
# The end.
)"),
            R"(# My node.
version = 3 # since 1.3

# Everything of the CRI.
[plugins."io.containerd.cri.v1.images".pinned_images] # the plugin
  # A mirror of pause.
  sandbox = 'host/pause:3.9'  # pinned

[plugins."io.containerd.cri.v1.runtime"]
  enable_selinux = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true

[plugins."io.containerd.cri.v1.images"]

  # Two at once.
  max_concurrent_downloads = 2

[plugins."io.containerd.grpc.v1.cri"]
  stream_server_port = "10010"
  [plugins."io.containerd.cri.v1.runtime".cni]
    conf_dir = "/srv/cni"
# The end.
)");
}

TEST(MigrateTest, ListsOfSeveralLinesNamesWithDotsAndArraysOfTablesStayWhole) {
  const std::string content = R"(version = 2
grpc.uid = 7
imports = [
  "/a/*.toml", # one
  # two
]
[plugins]
"io.containerd.grpc.v1.cri".enable_selinux = true
"io.containerd.grpc.v1.cri".cni = { conf_dir = "/a", max_conf_num = 2 }
[plugins."io.containerd.transfer.v1.local"]
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/amd64" # ours
)";
  const std::string migrated = Migrated(content, true);
  EXPECT_EQ(migrated, R"(version = 3
grpc.uid = 7
imports = [
  "/a/*.toml", # one
  # two
]
[plugins]
"io.containerd.cri.v1.runtime".enable_selinux = true
"io.containerd.cri.v1.runtime".cni = { conf_dir = "/a", max_conf_num = 2 }
[plugins."io.containerd.transfer.v1.local"]
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/amd64" # ours
)");
}

TEST(MigrateTest, Version1GetsTheNamesOfItsPluginsAndAVersion) {
  const std::string migrated = Migrated(
      "root = \"/data\"\n[plugins.cri]\n  enable_selinux = true\n[plugins.opt]\n  path = \"/opt/containerd\"\n");
  EXPECT_THAT(migrated, AllOf(testing::StartsWith("version = 3\nroot = \"/data\"\n"),
                              HasSubstr("[plugins.\"io.containerd.cri.v1.runtime\"]\n  enable_selinux = true\n"),
                              HasSubstr("[plugins.\"io.containerd.internal.v1.opt\"]")));
  EXPECT_EQ(Migrated(migrated), migrated);
}

TEST(MigrateTest, TheDefaultsOfVersion2AreWrittenDownButNotIntoADropIn) {
  const std::string content =
      "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  enable_unprivileged_icmp = true\n";
  EXPECT_THAT(Migrated(content), AllOf(HasSubstr("  enable_unprivileged_ports = false\n"),
                                       Not(HasSubstr("enable_unprivileged_icmp = false"))));
  EXPECT_THAT(Migrated(content, true), Not(HasSubstr("enable_unprivileged_ports")));
  EXPECT_THAT(Migrated("version = 2\noom_score = 7\n"), HasSubstr("\n[plugins.\"io.containerd.cri.v1.runtime\"]\n"));
}

TEST(MigrateTest, OlderSpellingsBecomeTheLaterOnesInEveryVersion) {
  const std::string migrated = Migrated(R"(version = 3
[plugins."io.containerd.cri.v1.images".registry.auths."https://old:5000"]
username = "me"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
sandbox_mode = "podsandbox"
)");
  EXPECT_THAT(migrated, AllOf(HasSubstr("[plugins.\"io.containerd.cri.v1.images\".registry.configs.\"old:5000\".auth]\n"
                                        "username = \"me\"\n"),
                              HasSubstr("\nsandboxer = \"podsandbox\"\n")));
}

TEST(MigrateTest, EndpointsGetTheRootOfTheApi) {
  const std::string migrated = Migrated(R"(version = 3
[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]
endpoint = [
  # "https://a/library",
  "https://a/library", # library
  'http://b:5000/x/',
  "https://c", "https://d/v2/y"
]
)");
  EXPECT_THAT(migrated, HasSubstr(R"(endpoint = [
  # "https://a/library",
  "https://a/v2/library", # library
  'http://b:5000/v2/x/',
  "https://c", "https://d/v2/y"
])"));
}

TEST(MigrateTest, WhatHasNoPlaceBecomesAComment) {
  const absl::StatusOr<MigratedFile> migration = MigrateFile("a.toml", R"(version = 2
[plugins."io.containerd.grpc.v1.cri"]
  systemd_cgroup = false
  enable_selinux = false
  enable_unprivileged_ports = false
  enable_unprivileged_icmp = false
[plugins."io.containerd.grpc.v1.cri".containerd.default_runtime]
  runtime_type = ""
)",
                                                             false);
  ASSERT_TRUE(migration.ok()) << migration.status();
  EXPECT_EQ(migration->content, R"(version = 3
[plugins."io.containerd.cri.v1.runtime"]
  # systemd_cgroup = false
  enable_selinux = false
  enable_unprivileged_ports = false
  enable_unprivileged_icmp = false
# [plugins."io.containerd.grpc.v1.cri".containerd.default_runtime]
  # runtime_type = ""
)");
  EXPECT_THAT(migration->notes, ElementsAre(HasSubstr("version 2 is now 3"), HasSubstr("line 3: "),
                                            HasSubstr("line 7: "), HasSubstr("line 8: ")));
}

TEST(MigrateTest, OptionsOfAnotherShimMoveWithTheirRuntime) {
  EXPECT_THAT(Migrated(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
  runtime_type = "io.containerd.kata.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata.options]
    ConfigPath = "/etc/kata.toml"
)"),
              HasSubstr("  [plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.kata.options]\n"
                        "    ConfigPath = \"/etc/kata.toml\"\n"));
}

TEST(MigrateTest, WhatIsRefusedHasToBeDecidedFirstAndAllOfItIsNamed) {
  EXPECT_THAT(
      ErrorOf("version = 2\nplugin_dir = \"/a\"\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsystemd_cgroup = true\n"),
      AllOf(HasSubstr("line 2: plugin_dir"), HasSubstr("line 4: "), HasSubstr("SystemdCgroup instead")));
}

TEST(MigrateTest, LinesMayEndAsOnWindows) {
  EXPECT_THAT(Migrated("version = 2\r\n[plugins.'io.containerd.grpc.v1.cri']\r\nenable_selinux = true\r\n"),
              AllOf(HasSubstr("version = 3\r\n"), HasSubstr("\nenable_selinux = true\r\n")));
}

TEST(MigrateTest, DottedKeysThatWouldMakeATableTwiceAreRefused) {
  EXPECT_THAT(ErrorOf("version = 2\nplugins.'io.containerd.grpc.v1.cri'.sandbox_image = 'a'\n"
                      "plugins.'io.containerd.grpc.v1.cri'.cni.conf_dir = '/x'\n"),
              AllOf(HasSubstr("nothing is written"), HasSubstr("[table]")));
}

TEST(MigrateTest, AnInlineTableThatWouldHaveToBeSplitIsNamed) {
  EXPECT_THAT(
      ErrorOf(
          "version = 2\n[plugins]\n\"io.containerd.grpc.v1.cri\" = { sandbox_image = \"a\", enable_selinux = true }\n"),
      AllOf(HasSubstr("line 3: "), HasSubstr("write it as a [table]")));
}

}  // namespace
}  // namespace crisp
