#include "config/load_config.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kUsersFile[] = CONFIG_TESTDATA "/containerd-1.6.6-config.toml";

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char name[] = "/tmp/crisp-config-XXXXXX";
    close(mkstemp(name));
    file_ = name;
  }
  ~ConfigTest() override { unlink(file_.c_str()); }

  absl::StatusOr<Config> Load(const std::string& content) {
    std::ofstream(file_) << content;
    warnings_.clear();
    return LoadConfig(file_, &warnings_);
  }

  // Of a version 2 file; empty where it loads.
  std::string ErrorOf(const std::string& content) {
    absl::Status status = Load("version = 2\n" + content).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }

  // Of a version 2 file with one warning.
  std::string WarningOf(const std::string& content) {
    absl::Status status = Load("version = 2\n" + content).status();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(warnings_.size(), 1u);
    return warnings_.empty() ? "" : warnings_[0];
  }

  std::string file_;
  std::vector<std::string> warnings_;
};

// The file of the users, unchanged.

TEST_F(ConfigTest, TheUsersFileDoesWhatItSays) {
  absl::StatusOr<Config> config = LoadConfig(kUsersFile, &warnings_);
  ASSERT_TRUE(config.ok()) << config.status();

  Config expected = DefaultConfig(2);
  expected.root = "/var/lib/containerd/crisp";
  expected.state = "/run/containerd/crisp";
  expected.grpc.address = "/run/containerd/containerd.sock";
  expected.sandbox_image = "registry.cn-hangzhou.aliyuncs.com/google_containers/pause:3.6";
  expected.runtimes["runc"].systemd_cgroup = true;
  expected.tracing.service_name = "containerd";
  expected.registry.config_path = "";
  expected.registry.mirrors = {
      {"docker.io",
       {"https://fz5yth0r.mirror.aliyuncs.com", "https://dockerhub.mirrors.nwafu.edu.cn",
        "https://docker.mirrors.ustc.edu.cn", "https://registry.docker-cn.com"}},
      {"gcr.io", {"https://gcr.mirrors.ustc.edu.cn"}},
      {"k8s.gcr.io", {"https://registry.cn-hangzhou.aliyuncs.com/google_containers"}},
      {"quay.io", {"https://quay.mirrors.ustc.edu.cn"}},
  };
  EXPECT_EQ(*config, expected);
}

// Its one fault is that of a mirror whose path leads nowhere. This also shows that every key in it is known.
TEST_F(ConfigTest, TheUsersFileGetsOneWarningWithTheUrlThatWouldWork) {
  ASSERT_TRUE(LoadConfig(kUsersFile, &warnings_).ok());
  EXPECT_THAT(warnings_,
              ElementsAre(AllOf(HasSubstr(".toml:162: "), HasSubstr("mirrors.\"k8s.gcr.io\".endpoint"),
                                HasSubstr("likely right is "
                                          "https://registry.cn-hangzhou.aliyuncs.com/v2/google_containers"))));
}

// The example that crisp comes with says of itself that it changes nothing.
TEST_F(ConfigTest, TheExampleIsTheDefault) {
  absl::StatusOr<Config> config = LoadConfig(EXAMPLE_CONFIG, &warnings_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, DefaultConfig());
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ConfigTest, TheDebianPackagesFileChangesWhatItSays) {
  absl::StatusOr<Config> config = LoadConfig(DEBIAN_CONFIG, &warnings_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(warnings_, IsEmpty());
  Config expected = DefaultConfig();
  expected.cni.bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
  expected.runtimes["runc"].systemd_cgroup = true;
  EXPECT_EQ(*config, expected);
}

TEST_F(ConfigTest, WhatTheExampleHasInCommentsIsRightToo) {
  std::ifstream example(EXAMPLE_CONFIG);
  std::string content, line;
  while (std::getline(example, line)) {
    absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
    bool is_key = absl::ConsumePrefix(&text, "#") && (absl::StrContains(text, " = ") || absl::StrContains(text, " ["));
    absl::StrAppend(&content, is_key ? text : absl::string_view(line), "\n");
  }
  absl::StatusOr<Config> config = Load(content);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config->runtimes["crun"].binary_name, "/usr/bin/crun");
  EXPECT_EQ(config->runtimes["crun"].cni_conf_dir, "/etc/cni/crun.d");
  EXPECT_EQ(config->registry.mirrors["docker.io"].size(), 2u);
  EXPECT_EQ(config->registry.auth["mirror.example.org"].username, "reader");
  EXPECT_EQ(config->registry.tls["mirror.example.org"].ca_file, "/etc/ssl/mirror.pem");
}

// What each honoured key does.

TEST_F(ConfigTest, WhatTheFileDoesNotSayIsDefault) {
  EXPECT_EQ(*Load("version = 2"), DefaultConfig(2));
  EXPECT_EQ(*Load("version = 3"), DefaultConfig(3));
  EXPECT_EQ(DefaultConfig(), DefaultConfig(3));
}

// containerd 2.x lets every user of a pod bind low ports and ping; its files have version 3.
TEST_F(ConfigTest, LowPortsAndPingsAreForEverybodyUnlessTheFileIsAnOldOneOrSaysOtherwise) {
  const auto expect = [](const Config& config, bool allowed) {
    EXPECT_EQ(config.security.enable_unprivileged_ports, allowed);
    EXPECT_EQ(config.security.enable_unprivileged_icmp, allowed);
  };
  expect(DefaultConfig(), true);
  expect(*Load("version = 2"), false);
  expect(*Load("version = 3"), true);
  const std::string allow = "enable_unprivileged_ports = true\nenable_unprivileged_icmp = true\n";
  const std::string forbid = "enable_unprivileged_ports = false\nenable_unprivileged_icmp = false\n";
  expect(*Load("version = 2\n[plugins.'io.containerd.grpc.v1.cri']\n" + allow), true);
  expect(*Load("version = 3\n[plugins.'io.containerd.cri.v1.runtime']\n" + forbid), false);
}

TEST_F(ConfigTest, RootAndStateAreDirectoriesOfCrispsOwn) {
  Config config = *Load("version = 2\nroot = '/data/containerd///'\nstate = '/srv/crisp/'");
  EXPECT_EQ(config.root, "/data/containerd/crisp");
  EXPECT_EQ(config.state, "/srv/crisp");
}

TEST_F(ConfigTest, TheDaemonsKeysAreHonoured) {
  Config config = *Load(R"(version = 2
[grpc]
  address = "/tmp/a.sock"
  uid = 1000
  gid = 4294967295
  max_recv_message_size = 1048576
  max_send_message_size = 0
[debug]
  level = "warn"
  format = "json"
  address = "/run/crisp/debug.sock"
  uid = 1001
  gid = 1002
[metrics]
  address = "127.0.0.1:1338"
  grpc_histogram = true
[plugins."io.containerd.monitor.v1.cgroups"]
  no_prometheus = true
[crisp]
  preload_dir = "/usr/share/images"
  pin_preloaded = true
  keep_unused_layers = "90s"
  shim = "/opt/crisp-shim"
  containerd_address = "/run/containerd/containerd.sock"
  log_wait = "1m30s"
  credentials_for_mirrors = true
  native_exec = false
)");
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config.grpc, (GrpcConfig{"/tmp/a.sock", 1000, 4294967295, 1048576, 16777216}));
  EXPECT_EQ(config.metrics, (MetricsConfig{"127.0.0.1:1338", true, true}));
  EXPECT_EQ(config.debug, (DebugConfig{"/run/crisp/debug.sock", 1001, 1002}));
  EXPECT_EQ(config.log_level, LogLevel::kWarning);
  EXPECT_EQ(config.log_format, LogFormat::kJson);
  EXPECT_EQ(config.crisp, (CrispConfig{.preload_dir = "/usr/share/images",
                                       .pin_preloaded = true,
                                       .keep_unused_layers = std::chrono::seconds(90),
                                       .shim = "/opt/crisp-shim",
                                       .containerd_address = "/run/containerd/containerd.sock",
                                       .log_wait = std::chrono::seconds(90),
                                       .native_exec = false,
                                       .credentials_for_mirrors = true}));
}

constexpr char kCriBody2[] = R"(version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "host:5000/pause@sha256:abc"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 0
  image_pull_progress_timeout = "1m30s"
  max_container_log_line_size = -1
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/srv/cni"
    max_conf_num = 0
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "crun"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.plain]
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
        BinaryName = "/usr/bin/crun"
        Root = "/run/crun"
        SystemdCgroup = true
        NoPivotRoot = true
        NoNewKeyring = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]
      endpoint = ["https://cache/v2/", "http://localhost:5000/"]
    [plugins."io.containerd.grpc.v1.cri".registry.configs."cache".auth]
      username = "me"
      password = "hunter2"
      auth = "bWU6aHVudGVyMg=="
      identitytoken = "token"
    [plugins."io.containerd.grpc.v1.cri".registry.configs."cache".tls]
      insecure_skip_verify = true
      ca_file = "/ca"
      cert_file = "/cert"
      key_file = "/key"
)";

constexpr char kCriBody3[] = R"(version = 3
[plugins."io.containerd.cri.v1.images"]
  max_concurrent_downloads = 0
  image_pull_progress_timeout = "1m30s"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "host:5000/pause@sha256:abc"
  [plugins."io.containerd.cri.v1.images".registry]
    [plugins."io.containerd.cri.v1.images".registry.mirrors."*"]
      endpoint = ["https://cache/v2/", "http://localhost:5000/"]
    [plugins."io.containerd.cri.v1.images".registry.configs."cache".auth]
      username = "me"
      password = "hunter2"
      auth = "bWU6aHVudGVyMg=="
      identitytoken = "token"
    [plugins."io.containerd.cri.v1.images".registry.configs."cache".tls]
      insecure_skip_verify = true
      ca_file = "/ca"
      cert_file = "/cert"
      key_file = "/key"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  max_container_log_line_size = -1
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dir = ""
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "/srv/cni"
    max_conf_num = 0
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "crun"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.plain]
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.crun.options]
        BinaryName = "/usr/bin/crun"
        Root = "/run/crun"
        SystemdCgroup = true
        NoPivotRoot = true
        NoNewKeyring = true
)";

Config ExpectedOfCriBody(int version) {
  Config expected = DefaultConfig(version);
  expected.sandbox_image = "host:5000/pause@sha256:abc";
  expected.restrict_oom_score_adj = true;
  expected.netns_mounts_under_state_dir = true;
  expected.max_concurrent_downloads = 0;
  expected.max_container_log_line_size = -1;
  expected.cni = {{"/usr/lib/cni"}, "/srv/cni", 0, IpPreference::kIpv4, ""};
  expected.default_runtime_name = "crun";
  expected.runtimes["plain"] = {};
  RuntimeHandlerConfig& crun = expected.runtimes["crun"];
  crun.binary_name = "/usr/bin/crun";
  crun.root = "/run/crun";
  crun.systemd_cgroup = crun.no_pivot_root = crun.no_new_keyring = true;
  expected.image_pull_progress_timeout = std::chrono::seconds(90);
  expected.registry.config_path = "";
  expected.registry.mirrors = {{"*", {"https://cache/v2", "http://localhost:5000"}}};
  expected.registry.auth = {{"cache", {"me", "hunter2", "bWU6aHVudGVyMg==", "token"}}};
  expected.registry.tls = {{"cache", {true, "/ca", "/cert", "/key"}}};
  return expected;
}

TEST_F(ConfigTest, TheCriKeysOfVersion2AreHonoured) {
  absl::StatusOr<Config> config = Load(kCriBody2);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, ExpectedOfCriBody(2));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ConfigTest, TheCriKeysOfVersion3AreHonoured) {
  absl::StatusOr<Config> config = Load(kCriBody3);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, ExpectedOfCriBody(3));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ConfigTest, SeveralPluginDirectoriesKeepTheirOrder) {
  Config config = *Load("version = 2\n[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dirs = ['/b', '/a']");
  EXPECT_THAT(config.cni.bin_dirs, ElementsAre("/b", "/a"));
}

TEST_F(ConfigTest, EmptyDirectoriesOfTheNetworkMeanTheDefault) {
  Config config = *Load("version = 2\n[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = ''\nconf_dir = ''");
  EXPECT_EQ(config.cni, CniSettings());
}

TEST_F(ConfigTest, LegacyAuthIsFiledUnderTheHostOfItsUrl) {
  Config config = *Load(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".registry.auths."https://host:5000/v1/"]
  username = "me"
  password = "new"
[plugins."io.containerd.grpc.v1.cri".registry.configs."host:5000".auth]
  password = "old"
)");
  EXPECT_THAT(config.registry.auth, UnorderedElementsAre(Pair("host:5000", RegistryAuthConfig{"me", "new", "", ""})));
}

// What cannot be right.

TEST_F(ConfigTest, AFileThatIsNotThereIsNotFound) {
  absl::Status status = LoadConfig("/nowhere/config.toml", &warnings_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/config.toml"));
}

TEST_F(ConfigTest, ADirectoryIsAnError) {
  EXPECT_EQ(LoadConfig("/tmp", &warnings_).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ConfigTest, AFileWithoutEndIsAnError) {
  absl::Status status = LoadConfig("/dev/zero", &warnings_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("longer than"));
}

TEST_F(ConfigTest, ASyntaxErrorNamesTheLine) {
  EXPECT_THAT(ErrorOf("[grpc]\naddress = \n"), AllOf(HasSubstr(file_ + ":3: not valid TOML"), HasSubstr("column")));
}

TEST_F(ConfigTest, AnEmptyFileSaysNothing) {
  EXPECT_EQ(*Load(""), DefaultConfig());
  EXPECT_EQ(*Load("# nothing\n"), DefaultConfig());
  EXPECT_THAT(warnings_, IsEmpty());
}

// As by containerd 2.x, which takes a file without a version for a version 1 file.
TEST_F(ConfigTest, AVersion1FileIsReadWithItsPluginsUnderTheirLaterNames) {
  const std::string body =
      "[plugins.cri]\nsandbox_image = 'a'\n[plugins.cri.registry.mirrors.h]\nendpoint = ['https://m']\n"
      "[plugins.diff-service]\ndefault = ['walking']\n";
  for (const char* head : {"version = 1\n", "version = 0\n", "\n"}) {
    const absl::StatusOr<Config> config = Load(head + body);
    ASSERT_TRUE(config.ok()) << config.status();
    Config expected = DefaultConfig(2);
    expected.sandbox_image = "a";
    expected.registry.config_path = "";
    expected.registry.mirrors = {{"h", {"https://m"}}};
    EXPECT_EQ(*config, expected);
    EXPECT_THAT(warnings_,
                ElementsAre(AllOf(HasSubstr(file_), HasSubstr("version 1 file"), HasSubstr("\"version = 2\"")),
                            HasSubstr(file_ + ":2: plugins.cri is read as plugins.\"io.containerd.grpc.v1.cri\""),
                            HasSubstr(":6: plugins.diff-service is read as plugins.\"io.containerd.service.v1.diff-")));
  }
}

TEST_F(ConfigTest, AFileWithoutAVersionMayHaveLaterNames) {
  EXPECT_EQ(Load("[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = 'a'")->sandbox_image, "a");
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("version is missing")));
  EXPECT_EQ(Load("[plugins.'io.containerd.cri.v1.images']\npinned_images.sandbox = 'b'")->sandbox_image, "b");
}

TEST_F(ConfigTest, AVersionThatIsUnheardOfIsRefused) {
  EXPECT_THAT(std::string(Load("version = 5").status().message()), HasSubstr(":1: version: expected 1 to 4, found 5"));
  EXPECT_THAT(std::string(Load("version = -1").status().message()), HasSubstr("expected 1 to 4, found -1"));
  EXPECT_THAT(std::string(Load("version = '2'").status().message()), HasSubstr("expected an integer, found a string"));
}

TEST_F(ConfigTest, Version4HasTheServersInPlugins) {
  Config config = *Load(R"(version = 4
[plugins."io.containerd.server.v1.grpc"]
  address = "/tmp/a.sock"
  uid = 1000
  max_recv_message_size = 1048576
[debug]
  level = "warn"
[plugins."io.containerd.server.v1.debug"]
  address = "/run/crisp/debug.sock"
)");
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config.debug.address, "/run/crisp/debug.sock");
  EXPECT_EQ(config.grpc, (GrpcConfig{"/tmp/a.sock", 1000, 0, 1048576, 16777216}));
  EXPECT_EQ(config.log_level, LogLevel::kWarning);
  EXPECT_THAT(
      std::string(Load("version = 4\nplugins.'io.containerd.server.v1.grpc-tcp'.address = ':1'").status().message()),
      HasSubstr("Unix socket only"));
  ASSERT_TRUE(Load("version = 4\ngrpc.address = '/a'").ok());
  EXPECT_THAT(warnings_, ElementsAre(AllOf(HasSubstr(":2: grpc is not known"),
                                           HasSubstr("mean plugins.\"io.containerd.server.v1.grpc\", its place in "
                                                     "version 4?"))));
}

// What `containerd config default` writes. The sandbox image is containerd's, and so is the socket.
TEST_F(ConfigTest, TheDefaultsOfEachContainerdAreTakenWithoutAWord) {
  for (const char* version : {"1.6", "1.7", "2.0", "2.1", "2.2", "2.3"}) {
    SCOPED_TRACE(version);
    warnings_.clear();
    absl::StatusOr<Config> config =
        LoadConfig(absl::StrCat(CONFIG_TESTDATA "/defaults-", version, ".toml"), &warnings_);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_THAT(warnings_, IsEmpty());
    Config expected = DefaultConfig(version[0] == '1' ? 2 : 3);
    expected.root = "/var/lib/containerd/crisp";
    expected.state = "/run/containerd/crisp";
    expected.grpc.address = "/run/containerd/containerd.sock";
    EXPECT_THAT(config->sandbox_image, HasSubstr("registry.k8s.io/pause:3."));
    expected.sandbox_image = config->sandbox_image;
    expected.security.enable_cdi = std::string(version) != "1.7";
    if (std::string(version) == "1.6") expected.tracing.service_name = "containerd";
    EXPECT_EQ(*config, expected);
  }
}

TEST_F(ConfigTest, WhatConcernsTheDaemonAndTheNetworkIsTakenOver) {
  const Config config = *Load(R"(version = 3
oom_score = -999
[plugins."io.containerd.cri.v1.runtime"]
  disable_proc_mount = true
  cni.ip_pref = "ipv6"
  cni.conf_template = "/etc/net.template"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.vm]
  container_annotations = ["io.vm.*"]
  pod_annotations = ["a", "b"]
  base_runtime_spec = "/etc/vm.json"
  cni_conf_dir = "/etc/cni/vm"
  cni_max_conf_num = 2
)");
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config.oom_score, -999);
  EXPECT_TRUE(config.security.disable_proc_mount);
  EXPECT_EQ(config.cni.ip_preference, IpPreference::kIpv6);
  EXPECT_EQ(config.cni.conf_template, "/etc/net.template");
  const RuntimeHandlerConfig& vm = config.runtimes.at("vm");
  EXPECT_THAT(vm.container_annotations, ElementsAre("io.vm.*"));
  EXPECT_THAT(vm.pod_annotations, ElementsAre("a", "b"));
  EXPECT_EQ(vm.base_runtime_spec, "/etc/vm.json");
  EXPECT_EQ(vm.cni_conf_dir, "/etc/cni/vm");
  EXPECT_EQ(vm.cni_max_conf_num, 2);
  const std::string cni = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\nip_pref = ";
  EXPECT_EQ(Load(cni + "'cni'")->cni.ip_preference, IpPreference::kFirst);
  EXPECT_EQ(Load(cni + "'ipv4'")->cni.ip_preference, IpPreference::kIpv4);
  EXPECT_THAT(std::string(Load(cni + "'v6'").status().message()), HasSubstr("expected ipv4, ipv6 or cni"));
  EXPECT_THAT(ErrorOf("oom_score = 1001"), HasSubstr("expected -1000 to 1000"));
}

// Its loss would lower security.
TEST_F(ConfigTest, CoreSchedulingIsRefusedInBothItsPlaces) {
  EXPECT_THAT(ErrorOf("[plugins.'io.containerd.runtime.v2.task']\nsched_core = true"), HasSubstr("nosmt"));
  EXPECT_THAT(ErrorOf("[plugins.'io.containerd.shim.v1.manager']\nenv = ['A=1', 'SCHED_CORE=1']"), HasSubstr("nosmt"));
}

// Its loss would lower security.
TEST_F(ConfigTest, ImageVerifiersAndPluginsThatEveryContainerNeedsAreRefused) {
  const std::string verifier = "[plugins.'io.containerd.image-verifier.v1.bindir']\nbin_dir = ";
  EXPECT_THAT(ErrorOf(verifier + "'/usr/lib/verifiers'"), HasSubstr("would pull what they forbid"));
  EXPECT_THAT(ErrorOf(verifier + "'/etc'"), HasSubstr("\"/etc\" has image verifiers"));
  EXPECT_THAT(ErrorOf("[plugins.'io.containerd.nri.v1.nri'.default_validator]\nrequired_plugins = ['a']"),
              HasSubstr("keep containerd"));
}

TEST_F(ConfigTest, TheStreamingServerIsWhereTheFileSays) {
  const auto config = Load(
      "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nstream_server_address = '::1'\nstream_server_port = "
      "'10010'\n"
      "stream_idle_timeout = '1h30m'\nenable_tls_streaming = true\n"
      "x509_key_pair_streaming = {tls_cert_file = '/etc/c.pem', tls_key_file = '/etc/k.pem'}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(warnings_, IsEmpty());
  StreamConfig expected;
  expected.address = "::1";
  expected.port = "10010";
  expected.idle_timeout = std::chrono::minutes(90);
  expected.tls = true;
  expected.certificate_file = "/etc/c.pem";
  expected.key_file = "/etc/k.pem";
  EXPECT_EQ(config->stream, expected);
}

TEST_F(ConfigTest, BadValuesAreNamedWithWhatIsExpected) {
  const std::string cri = "[plugins.'io.containerd.grpc.v1.cri']\n";
  const std::string runtime = "[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.a]\n";
  EXPECT_THAT(ErrorOf("root = 'var/lib'"), HasSubstr(":2: root: expected an absolute path, found \"var/lib\""));
  EXPECT_THAT(ErrorOf("root = '/'"), HasSubstr("other than the root directory"));
  EXPECT_THAT(ErrorOf("state = \"/a\\u0000b\""), HasSubstr("absolute path"));
  EXPECT_THAT(ErrorOf("grpc.address = ''"), HasSubstr("grpc.address: expected the absolute path of a socket"));
  EXPECT_THAT(ErrorOf("grpc.address = '/" + std::string(107, 'a') + "'"), HasSubstr("at most 107 bytes"));
  EXPECT_THAT(ErrorOf("grpc.uid = -1"), HasSubstr("grpc.uid: expected 0 to 4294967295, found -1"));
  EXPECT_THAT(ErrorOf("grpc.max_recv_message_size = -1"), HasSubstr("expected 0 or more, found -1"));
  EXPECT_THAT(ErrorOf("grpc.max_send_message_size = 99999999999"), HasSubstr("to 2147483647, found 99999999999"));
  EXPECT_THAT(ErrorOf("debug.level = 'loud'"), HasSubstr("expected trace, debug, info"));
  EXPECT_THAT(ErrorOf("debug.format = 'xml'"), HasSubstr("debug.format: expected text or json, found \"xml\""));
  EXPECT_THAT(ErrorOf("crisp.shim = 'shim'"), HasSubstr("crisp.shim: expected an absolute path"));
  EXPECT_THAT(ErrorOf("grpc = 5"), HasSubstr("grpc: expected a table, found an integer"));
  EXPECT_THAT(ErrorOf("[root]\na = 1"), HasSubstr("root: expected a string, found a table"));
  EXPECT_THAT(ErrorOf(cri + "sandbox_image = ''"), HasSubstr("expected the name of an image"));
  EXPECT_THAT(ErrorOf(cri + "stream_idle_timeout = 'soon'"), HasSubstr("expected a duration"));
  EXPECT_THAT(ErrorOf(cri + "stream_idle_timeout = 'inf'"), HasSubstr("expected a duration"));
  EXPECT_THAT(ErrorOf(cri + "stream_idle_timeout = '-1s'"), HasSubstr("not negative"));
  EXPECT_THAT(ErrorOf(cri + "stream_server_port = '70000'"), HasSubstr("up to 65535, found \"70000\""));
  EXPECT_THAT(ErrorOf(cri + "stream_server_address = 'localhost'"), HasSubstr("expected an IPv4 or IPv6 address"));
  EXPECT_THAT(ErrorOf(cri + "x509_key_pair_streaming.tls_cert_file = 'c.pem'"), HasSubstr("absolute path"));
  EXPECT_THAT(ErrorOf(cri + "cni.max_conf_num = -1"), HasSubstr("expected 0 or more"));
  EXPECT_THAT(ErrorOf(cri + "cni.bin_dir = 'bin'"), HasSubstr("expected an absolute path"));
  EXPECT_THAT(ErrorOf(cri + "cni.conf_template = 'a'"), HasSubstr("expected an absolute path"));
  EXPECT_THAT(ErrorOf(cri + "cni.bin_dirs = ['bin']"), HasSubstr("expected an absolute path"));
  EXPECT_THAT(ErrorOf(cri + "cni.bin_dirs = ['']"), HasSubstr("expected absolute paths"));
  EXPECT_THAT(ErrorOf(cri + "cni.bin_dirs = [1]"), HasSubstr("found a list of something else than strings"));
  EXPECT_THAT(ErrorOf(cri + "cni = {bin_dir = '/a', bin_dirs = ['/b']}"), HasSubstr("both set"));
  EXPECT_THAT(ErrorOf(runtime + "options.BinaryName = 'bin/crun'"), HasSubstr("absolute path"));
  EXPECT_THAT(ErrorOf(runtime + "options.Root = 'run'"), HasSubstr("absolute path"));
  EXPECT_THAT(ErrorOf(cri + "containerd.default_runtime_name = 'kata'"),
              HasSubstr("there is no runtime \"kata\"; there are: runc"));
  EXPECT_THAT(ErrorOf(cri + "containerd.runtimes.a = 5"), HasSubstr("expected a table, found an integer"));
}

// The other pods of the node have nothing to do with it.
TEST_F(ConfigTest, ARuntimeThatCrispCannotRunIsNamedOnceAndOnlyThatOne) {
  const Config config = *Load(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
  runtime_type = "io.containerd.kata.v2"
  options.ConfigPath = "/opt/kata.toml"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.old]
  runtime_type = "io.containerd.runc.v1"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.path]
  runtime_path = "/opt/bin/containerd-shim-runsc-v1"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.device]
  snapshotter = "devmapper"
  sandboxer = "shim"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.same]
  runtime_type = "/usr/bin/containerd-shim-runc-v2"
  runtime_path = "/usr/bin/containerd-shim-runc-v2"
)");
  EXPECT_THAT(warnings_,
              ElementsAre(AllOf(HasSubstr(":3: "),
                                HasSubstr(".runtimes.kata.runtime_type: \"io.containerd.kata.v2\" is a shim"),
                                HasSubstr("pods that ask for the runtime \"kata\" are refused")),
                          AllOf(HasSubstr(":6: "), HasSubstr("an interface of old; use runtime_type")),
                          AllOf(HasSubstr(":8: "), HasSubstr("a shim that crisp cannot drive")),
                          AllOf(HasSubstr(":10: "), HasSubstr("\"overlayfs\" only")),
                          AllOf(HasSubstr(":11: "), HasSubstr("use \"podsandbox\""))));
  EXPECT_THAT(config.runtimes.at("kata").unusable, HasSubstr("runtime_type = \"io.containerd.kata.v2\" is a shim"));
  EXPECT_THAT(config.runtimes.at("old").unusable, HasSubstr("interface of old"));
  EXPECT_THAT(config.runtimes.at("path").unusable, HasSubstr("runtime_path = "));
  EXPECT_THAT(config.runtimes.at("device").unusable, AllOf(HasSubstr("devmapper"), HasSubstr("\"shim\"")));
  EXPECT_EQ(config.runtimes.at("same").unusable, "");
  EXPECT_EQ(config.runtimes.at("runc").unusable, "");
}

TEST_F(ConfigTest, ADefaultRuntimeThatCrispCannotRunIsAnErrorThatNamesTheOthers) {
  EXPECT_THAT(ErrorOf("[plugins.'io.containerd.grpc.v1.cri'.containerd]\ndefault_runtime_name = 'kata'\n"
                      "runtimes.kata.runtime_type = 'io.containerd.kata.v2'"),
              AllOf(HasSubstr("the runtime \"kata\" cannot be run: runtime_type = \"io.containerd.kata.v2\" is a shim"),
                    HasSubstr("there are: runc")));
}

TEST_F(ConfigTest, ASnapshotterForAPlatformIsThatOfItsRuntime) {
  const Config config = *Load(
      "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.kata]\n"
      "[plugins.'io.containerd.cri.v1.images'.runtime_platforms.kata]\nsnapshotter = 'nydus'");
  EXPECT_THAT(config.runtimes.at("kata").unusable, HasSubstr("nydus"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("runtime \"kata\" are refused")));
}

TEST_F(ConfigTest, AnEndpointMustBeAUrl) {
  const std::string mirror = "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'docker.io']\nendpoint = ";
  EXPECT_THAT(ErrorOf(mirror + "['mirror:5000']"), HasSubstr("\"mirror:5000\" is not an http:// or https:// URL"));
  EXPECT_THAT(ErrorOf(mirror + "['https:///v2']"), HasSubstr("with a host"));
  EXPECT_THAT(ErrorOf(mirror + "['https://:5000']"), HasSubstr("with a host"));
  EXPECT_THAT(ErrorOf(mirror + "'https://a'"), HasSubstr("expected a list of strings, found a string"));
  EXPECT_THAT(ErrorOf(mirror + "['https://me:hunter2@a:5000']"),
              AllOf(HasSubstr("https://***@a:5000"), HasSubstr("write registry.configs.\"a:5000\".auth")));
  EXPECT_THAT(WarningOf(mirror + "['https://a/v2x', 'https://b/proxy/v2']"), HasSubstr("https://a/v2/v2x"));
}

TEST_F(ConfigTest, AMirrorOfAUrlIsToldThatItIsNeverUsed) {
  EXPECT_THAT(
      WarningOf("[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'https://docker.io']\nendpoint = ['https://a']"),
      HasSubstr("\"https://docker.io\" is not the name of a registry"));
}

TEST_F(ConfigTest, HostsFilesAndHeadersAreTakenOver) {
  const Config config = *Load(R"(version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
  [plugins."io.containerd.grpc.v1.cri".registry.headers]
    X-Site = ["one", "two"]
)");
  EXPECT_EQ(config.registry.config_path, "/etc/containerd/certs.d:/etc/docker/certs.d");
  EXPECT_THAT(config.registry.headers, ElementsAre(Pair("X-Site", "one"), Pair("X-Site", "two")));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ConfigTest, HostsFilesAndHeadersThatCannotBeAreRefused) {
  const std::string registry = "[plugins.'io.containerd.grpc.v1.cri'.registry]\n";
  EXPECT_THAT(ErrorOf(registry + "config_path = '/etc/certs.d:certs.d'"), HasSubstr("absolute path"));
  EXPECT_THAT(ErrorOf(registry + "headers.'X Site' = ['a']"), HasSubstr("not the name of a header"));
  EXPECT_THAT(ErrorOf(registry + "headers.X-Site = [\"a\\r\\nHost: b\"]"), HasSubstr("control characters"));
}

TEST_F(ConfigTest, WithoutMirrorsHostsFilesAreLookedForWhereContainerdDoes) {
  constexpr char kDefault[] = "/etc/containerd/certs.d:/etc/docker/certs.d";
  const std::string registry = "[plugins.'io.containerd.grpc.v1.cri'.registry]\n";
  EXPECT_EQ(DefaultConfig().registry.config_path, kDefault);
  EXPECT_EQ(Load("version = 2\n" + registry + "config_path = ''")->registry.config_path, kDefault);
  EXPECT_EQ(Load("version = 2\n" + registry + "config_path = '/a'")->registry.config_path, "/a");
  EXPECT_EQ(Load("version = 2\n" + registry + "mirrors.a.endpoint = ['https://a']")->registry.config_path, "");
}

TEST_F(ConfigTest, TheNameOfAMirroredRegistryIsTheSameInAnyCase) {
  const Config config = *Load(
      "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\n"
      "mirrors.'Quay.IO'.endpoint = ['https://a']");
  EXPECT_EQ(config.registry.mirrors.count("quay.io"), 1u);
}

TEST_F(ConfigTest, MirrorsInTwoPlacesAreRefused) {
  EXPECT_THAT(ErrorOf("[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/certs.d'\n"
                      "mirrors.a.endpoint = ['https://a']"),
              HasSubstr("both set"));
}

TEST_F(ConfigTest, PluginsThatCannotBeHadOrDoneWithoutAreRefused) {
  EXPECT_THAT(ErrorOf("disabled_plugins = ['cri']"), HasSubstr("\"cri\" cannot be disabled"));
  EXPECT_THAT(ErrorOf("disabled_plugins = ['io.containerd.grpc.v1.cri']"), HasSubstr("cannot be disabled"));
  EXPECT_THAT(ErrorOf("required_plugins = ['io.containerd.nri.v1.nri']"), HasSubstr("cannot be had"));
  EXPECT_TRUE(Load("version = 2\nrequired_plugins = ['io.containerd.grpc.v1.cri']").ok());
  EXPECT_THAT(warnings_, IsEmpty());
}

// What is not known.

TEST_F(ConfigTest, AnUnknownKeyIsNamedWithTheNearestKnownOne) {
  EXPECT_THAT(WarningOf("[grpc]\nadress = '/a'"),
              AllOf(HasSubstr(file_ + ":3: grpc.adress"), HasSubstr("did you mean grpc.address?")));
  EXPECT_THAT(WarningOf("[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.a.options]\nSystemdCgroups = true"),
              HasSubstr("mean plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.a.options.SystemdCgroup?"));
  EXPECT_THAT(WarningOf("[plugins.'io.containerd.grpc.v1.cri']\nSystemdCgroup = true"),
              HasSubstr("containerd.runtimes.NAME.options.SystemdCgroup?"));
  EXPECT_THAT(WarningOf("wholly = 'unheard of'"), AllOf(HasSubstr("wholly is not known"), Not(HasSubstr("mean"))));
}

TEST_F(ConfigTest, AnUnknownTableIsNamedOnce) {
  EXPECT_THAT(WarningOf("[plugins.'io.containerd.zoo.v1.ape']\na = 1\nb = {c = 2}"),
              HasSubstr(":2: plugins.\"io.containerd.zoo.v1.ape\" is not known"));
  EXPECT_THAT(WarningOf("[plugins.'io.containerd.grpc.v1.cri'.registery]\na = 1"), HasSubstr(".registry?"));
}

// A wrong guess would be followed.
TEST_F(ConfigTest, NothingIsSuggestedThatIsNotProbablyMeant) {
  for (const char* content :
       {"plugins.'io.containerd.nri.v1.cri' = {}", "plugins.'io.containerd.snapshotter.v1.xfs'.root_path = '/a'",
        "[plugins.'io.containerd.grpc.v1.cri'.cni]\npath = '/a'", "grpc.pid = 1", "[cri]\nsandbox_image = 'a'",
        "plugins.'io.containerd.grpc.v1.cri'.enable_apparmor = true", "address = '/a'",
        "plugins.'io.containerd.grpc.v1.cri'.registry.configs.h.tls.cafile_or_so = 'a'"}) {
    EXPECT_THAT(WarningOf(content), AllOf(HasSubstr("is not known"), Not(HasSubstr("did you mean")))) << content;
  }
  EXPECT_THAT(WarningOf("[plugins.'io.containerd.grpc.v1.cri']\nsandboximage = 'a'"), HasSubstr(".sandbox_image?"));
}

TEST_F(ConfigTest, APluginUnderItsNameOfVersion1IsShownTheLaterOne) {
  EXPECT_THAT(WarningOf("[plugins.cri]\nsandbox_image = 'a'"),
              HasSubstr(":2: plugins.cri is not known to crisp and has no effect; did you mean "
                        "plugins.\"io.containerd.grpc.v1.cri\", its name since version 2?"));
  EXPECT_THAT(WarningOf("[plugins.zoo]\na = 'a'"), Not(HasSubstr("did you mean")));
}

TEST_F(ConfigTest, AKeyOfTheOtherVersionIsShownItsPlace) {
  ASSERT_TRUE(Load("version = 3\n[plugins.'io.containerd.grpc.v1.cri'.containerd]\nno_pivot = true").ok());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("mean plugins.\"io.containerd.cri.v1.runtime\".containerd, its place in "
                                               "version 3?")));
  ASSERT_TRUE(Load("version = 3\n[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = 'a'").ok());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("did you mean plugins.\"io.containerd.cri.v1.images\".pinned_images."
                                               "sandbox, its place in version 3?")));
}

TEST_F(ConfigTest, WarningsAreInTheOrderOfTheFile) {
  ASSERT_TRUE(Load("version = 2\nzebra = 1\ntemp = '/a'\napple = 1").ok());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("zebra"), HasSubstr("temp"), HasSubstr("apple")));
}

TEST_F(ConfigTest, NoSecretIsEverTold) {
  const std::string registry = "plugins.'io.containerd.grpc.v1.cri'.registry";
  const std::vector<std::string> contents = {
      "[" + registry + ".configs.h.auth]\npasswort = 'hunter2'",
      "[" + registry + ".configs.h.auth]\npassword = ['hunter2']",
      "[" + registry + ".configs.h.auth]\npassword = hunter2",
      "[" + registry + ".configs.h.auth]\npassword = thunter2",
      "[" + registry + ".configs.h.auth]\npassword = 'hunter2",
      "[" + registry + ".configs.h.auth]\npassword = 'a' hunter2",
      "[" + registry + ".configs.h.auth]\npassword = 'hunter2'\npassword = 'hunter2'",
      "[" + registry + ".headers]\nAuthorization = 'Basic hunter2'",
      "[" + registry + ".headers]\nAuthorization = [\"Basic hunter2\\n\"]",
      "[" + registry + ".auths.'me:hunter2@host']\nusername = 'a'",
      "[" + registry + ".auths.'https://me:hunter2@host']\nunheard = 'a'",
      "[" + registry + ".mirrors.a]\nendpoint = ['https://me:hunter2@host/path']",
      "[" + registry + ".mirrors.a]\nendpoint = ['ftp://me:hunter2@host']",
      "[" + registry + ".mirrors.a]\nendpoint = ['me:hunter2@host']",
      "[stream_processors.a]\nenv = ['KEY=hunter2']",
      "[proxy_plugins.a]\naddress = 'https://me:hunter2@host'",
  };
  for (const std::string& content : contents) {
    std::string said(Load("version = 2\n" + content).status().message());
    for (const std::string& warning : warnings_) said += warning;
    EXPECT_FALSE(said.empty()) << content;
    EXPECT_THAT(said, Not(HasSubstr("unter2"))) << content;
  }
  std::string said(
      Load("version = 2\n[" + registry + ".configs.h.auth]\npassword = 777777777777777777777777").status().message());
  EXPECT_THAT(said, AllOf(HasSubstr("not valid TOML"), Not(HasSubstr("777"))));
}

// toml++ 3.3 itself says 'plugins."ioio.containerd.grpc.v1.cri"'.
TEST_F(ConfigTest, AKeyOrTableThatIsThereTwiceIsNamedAsItStandsInTheFile) {
  const std::string cri = "plugins.\"io.containerd.grpc.v1.cri\"";
  const auto said_of = [&](const std::string& content) { return ErrorOf(content); };
  EXPECT_THAT(said_of("[" + cri + ".cni]\n  [ " + cri + ".cni ] # again\n"),
              HasSubstr(":3: not valid TOML: Error while parsing table header: cannot redefine existing table " + cri +
                        ".cni (column"));
  EXPECT_THAT(said_of(cri + ".x = 'unter2'\n" + cri + ".x = \"a = b\"\n"),
              AllOf(HasSubstr("cannot redefine existing string " + cri + ".x (column"), Not(HasSubstr("unter2"))));
  EXPECT_THAT(said_of("\"a=b\" = 1\n\"a=b\" = 2\n"), HasSubstr("existing integer \"a=b\" (column"));
  EXPECT_THAT(said_of("[[\"an.array\"]]\n[\"an.array\"]\n"), HasSubstr("existing array \"an.array\" as table (column"));
  EXPECT_THAT(said_of("[debug]\nlevel = 'a'\n[[debug]]\n"), HasSubstr("existing table debug as array-of-tables"));
  EXPECT_THAT(said_of("\"in.line\" = {x = 1}\n[\"in.line\".y]\n"),
              HasSubstr("cannot insert \"in.line\".y into existing"));
  EXPECT_THAT(said_of("debug = {x = 1}\ndebug.y = 2\n"), HasSubstr("as dotted key-value pair debug.y (column"));
  EXPECT_THAT(said_of("a = 1 a = 2\n"), HasSubstr("expected a comment or whitespace (column"));
}

TEST_F(ConfigTest, TracingIsConfiguredAsForContainerd) {
  const auto config = Load(R"(version = 2
[debug]
log_trace_id = true
[plugins."io.containerd.tracing.processor.v1.otlp"]
endpoint = "http://collector:4318"
protocol = "http/protobuf"
[plugins."io.containerd.internal.v1.tracing"]
sampling_ratio = 0.25
service_name = "node"
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config->tracing, (TracingConfig{"http://collector:4318", "http/protobuf", "node", 0.25}));
  EXPECT_TRUE(config->log_trace_id);
}

TEST_F(ConfigTest, ARatioMayBeAWholeNumber) {
  const auto config = Load("version = 2\nplugins.'io.containerd.internal.v1.tracing'.sampling_ratio = 0\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->tracing.sampling_ratio, 0);
}

}  // namespace
}  // namespace crisp
