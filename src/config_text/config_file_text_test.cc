#include "config_text/config_file_text.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "config/key.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Every key that crisp honours, at another value than its default.
constexpr char kEverything[] = R"(version = 2
root = "/srv/root"
state = "/srv/state"
oom_score = -998
required_plugins = ["cri"]
[grpc]
  address = "/tmp/a.sock"
  uid = 1000
  gid = 4294967295
  max_recv_message_size = 1048576
  max_send_message_size = 0
[debug]
  level = "warn"
  format = "json"
  log_trace_id = true
  address = "/run/debug.sock"
  uid = 8
  gid = 9
[metrics]
  address = "127.0.0.1:1338"
  grpc_histogram = true
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "host:5000/pause@sha256:abc"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 0
  image_pull_progress_timeout = "1m30s"
  max_container_log_line_size = -1
  unset_seccomp_profile = "localhost/p\"r\\o\tf"
  disable_apparmor = true
  enable_selinux = true
  selinux_category_range = 512
  enable_cdi = false
  cdi_spec_dirs = []
  disable_proc_mount = true
  disable_hugetlb_controller = false
  tolerate_missing_hugetlb_controller = false
  ignore_image_defined_volumes = true
  device_ownership_from_security_context = true
  enable_unprivileged_icmp = true
  stream_server_address = "::1"
  stream_server_port = "10010"
  stream_idle_timeout = "1h30m"
  enable_tls_streaming = true
  [plugins."io.containerd.grpc.v1.cri".x509_key_pair_streaming]
    tls_cert_file = "/a.pem"
    tls_key_file = "/a.key"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/srv/cni"
    max_conf_num = 0
    ip_pref = "cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "crun"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
      sandboxer = "shim"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata.options]
        ConfigPath = "/etc/kata.toml"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes."a b"]
      runtime_path = "/usr/bin/shim"
      snapshotter = "zfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      base_runtime_spec = "/etc/spec.json"
      cni_conf_dir = "/etc/cni/crun.d"
      cni_max_conf_num = 2
      container_annotations = ["a.*", "b"]
      pod_annotations = ["c"]
      privileged_without_host_devices = true
      privileged_without_host_devices_all_devices_allowed = true
      cgroup_writable = true
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
        BinaryName = "/usr/bin/crun"
        Root = "/run/crun"
        SystemdCgroup = true
        NoPivotRoot = true
        NoNewKeyring = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]
      endpoint = ["https://cache/v2/", "http://localhost:5000/"]
    [plugins."io.containerd.grpc.v1.cri".registry.configs."cache".tls]
      insecure_skip_verify = true
      ca_file = "/ca"
      cert_file = "/cert"
      key_file = "/key"
[plugins."io.containerd.tracing.processor.v1.otlp"]
  endpoint = "http://127.0.0.1:4318"
  protocol = "http/protobuf"
[plugins."io.containerd.internal.v1.tracing"]
  service_name = "node"
  sampling_ratio = 0.123456789
[crisp]
  preload_dir = "/usr/share/images"
  pin_preloaded = true
  keep_unused_layers = "90s"
  shim = "/opt/crisp-shim"
  containerd_address = "/run/containerd/containerd.sock"
  log_wait = "1m30s"
  credentials_for_mirrors = true
  native_exec = false
)";

constexpr char kSecrets[] = R"(version = 2
[plugins."io.containerd.grpc.v1.cri".registry.configs."cache".auth]
  username = "somebody"
  password = "hunter2"
[plugins."io.containerd.grpc.v1.cri".registry.auths."https://old:5000"]
  identitytoken = "grandmother"
[plugins."io.containerd.grpc.v1.cri".registry.headers]
  X-Token = ["topsecret"]
)";

class ConfigFileTextTest : public testing::Test {
 protected:
  ConfigFileTextTest() {
    char name[] = "/tmp/crisp-text-XXXXXX";
    dir_ = mkdtemp(name);
  }
  ~ConfigFileTextTest() override {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(dir_.c_str());
  }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = absl::StrCat(dir_, "/", name);
    std::ofstream(path) << content;
    files_.push_back(path);
    return path;
  }

  Reading Read(const std::string& content) { return ReadConfiguration(Write("a.toml", content)); }

  std::string dir_;
  std::vector<std::string> files_;
};

TEST_F(ConfigFileTextTest, TheDefaultFileIsTheDefaultWithoutAWord) {
  const Reading reading = Read(DefaultFile());
  ASSERT_TRUE(reading.config.ok()) << reading.config.status();
  EXPECT_EQ(*reading.config, DefaultConfig());
  EXPECT_THAT(reading.warnings, IsEmpty());
}

TEST_F(ConfigFileTextTest, TheDefaultFileNamesEveryKeyThatIsHonouredUnlessItIsAnOlderSpelling) {
  const std::string text = DefaultFile();
  for (const Key& key : Keys()) {
    if (key.policy != Policy::kHonoured || key.type == ValueType::kTable) continue;
    const std::vector<std::string> path = absl::StrSplit(key.path, '/');
    if (path.back() == "*" || path.back() == "bin_dir" || path.back() == "sandbox_mode") continue;
    const std::string name = path.back() == "sandbox_image" ? "sandbox" : path.back();
    EXPECT_THAT(text, HasSubstr(absl::StrCat(name, " = "))) << key.path;
  }
}

// What may be made a setting by taking the "#" away.
TEST_F(ConfigFileTextTest, WhatTheDefaultFileHasInCommentsCanBeRead) {
  std::string content;
  for (absl::string_view line : absl::StrSplit(DefaultFile(), '\n')) {
    const bool is_key =
        absl::StartsWith(line, "# [") ||
        (absl::StartsWith(line, "# ") && absl::StrContains(line, " = ") && !absl::StrContains(line, "config_path and"));
    if (is_key) absl::ConsumePrefix(&line, "# ");
    // These two exclude each other.
    absl::StrAppend(&content, absl::StartsWith(line, "config_path") || absl::StartsWith(line, "imports") ? "" : line,
                    "\n");
  }
  const Reading reading = Read(content);
  ASSERT_TRUE(reading.config.ok()) << reading.config.status() << content;
  EXPECT_THAT(reading.warnings, IsEmpty());
  EXPECT_EQ(reading.config->registry.mirrors.size(), 1u);
  EXPECT_EQ(reading.config->registry.auth.size(), 1u);
}

TEST_F(ConfigFileTextTest, ADumpMeansTheSameAsTheFile) {
  const Reading reading = Read(kEverything);
  ASSERT_TRUE(reading.config.ok()) << reading.config.status();
  EXPECT_FALSE(reading.config->runtimes.at("kata").unusable.empty());
  const std::string dump = DumpFile(reading);
  const Reading again = Read(dump);
  ASSERT_TRUE(again.config.ok()) << again.config.status() << dump;
  EXPECT_EQ(*again.config, *reading.config) << dump;
  // Each key of the file is told by its line, but for those that have no effect, and the version.
  for (const KeyFinding& finding : reading.findings) {
    if (finding.verdict != KeyVerdict::kHonoured || finding.path.back() == "version") continue;
    EXPECT_THAT(dump, HasSubstr(absl::StrCat(finding.file, ":", finding.line))) << ShowPath(finding.path);
  }
}

TEST_F(ConfigFileTextTest, ADumpOfEachContainerdsDefaultsMeansTheSame) {
  for (const std::string name : {"1.6", "1.7", "2.0", "2.1", "2.2", "2.3"}) {
    SCOPED_TRACE(name);
    const Reading reading = ReadConfiguration(absl::StrCat(CONFIG_TESTDATA "/defaults-", name, ".toml"));
    ASSERT_TRUE(reading.config.ok()) << reading.config.status();
    const Reading again = Read(DumpFile(reading));
    ASSERT_TRUE(again.config.ok()) << again.config.status();
    EXPECT_EQ(*again.config, *reading.config);
  }
}

TEST_F(ConfigFileTextTest, ADumpNamesTheImportedFileAndWhatIsDefault) {
  const std::string drop_in = Write("b.toml", "version = 2\n\n[grpc]\nuid = 7\n");
  const Reading reading = Read(
      "version = 2\nimports = [\"b.toml\"]\nroot = \"/data\"\n[grpc]\nuid = 5\ngid = 6\n"
      "[crisp]\nlog_wait = \"5000ms\"\n");
  ASSERT_TRUE(reading.config.ok()) << reading.config.status();
  const std::string dump = DumpFile(reading);
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\nuid = 7  # ", drop_in, ":4\n")));
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\ngid = 6  # ", dir_, "/a.toml:6\n")));
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\nroot = \"/data/crisp\"  # ", dir_, "/a.toml:3: \"/data\"\n")));
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\nlog_wait = \"5s\"  # ", dir_, "/a.toml:8\n")));
  EXPECT_THAT(dump, HasSubstr("\nstate = \"/run/crisp\"  # default\n"));
  EXPECT_THAT(dump, Not(HasSubstr("\nimports")));
}

TEST_F(ConfigFileTextTest, SecretsAreNowhere) {
  const Reading reading = Read(kSecrets);
  ASSERT_TRUE(reading.config.ok()) << reading.config.status();
  ASSERT_EQ(reading.config->registry.auth.size(), 2u);
  const std::string dump = DumpFile(reading);
  for (const std::string& text : {dump, DumpJson(reading)}) {
    EXPECT_THAT(text, Not(AnyOf(HasSubstr("somebody"), HasSubstr("hunter2"), HasSubstr("grandmother"),
                                HasSubstr("topsecret"))));
  }
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\n# password = \"...\"  # hidden; ", dir_, "/a.toml:4\n")));
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\n# identitytoken = \"...\"  # hidden; ", dir_, "/a.toml:6\n")));
  Config expected = *reading.config;
  expected.registry.auth.clear();
  expected.registry.headers.clear();
  const Reading again = Read(dump);
  ASSERT_TRUE(again.config.ok()) << again.config.status() << dump;
  EXPECT_EQ(*again.config, expected);
}

TEST_F(ConfigFileTextTest, JsonHasTheSameWithItsSources) {
  const Reading reading = Read("version = 2\n[grpc]\nuid = 5\n");
  const std::string json = DumpJson(reading);
  EXPECT_THAT(json, AllOf(HasSubstr("\"key\": \"grpc.uid\""), HasSubstr("\"line\": 3"), HasSubstr("\"value\": 5"),
                          HasSubstr("\"default\": true")));
}

}  // namespace
}  // namespace crisp
