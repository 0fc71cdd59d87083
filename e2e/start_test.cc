// How crispd starts: what it takes hold of, what it mends, and what may be wrong without keeping it from starting.
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

std::string Mode(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return "not there";
  std::ostringstream text;
  text << std::oct << (info.st_mode & 07777);
  return text.str();
}

class StartTest : public NodeTest {
 protected:
  // Starts another crispd with the node's configuration, but for these replacements, waits until it ends by itself, and
  // returns what it logged.
  std::string RunAnother(const std::vector<std::pair<std::string, std::string>>& replacements) {
    const std::string config = node().paths().directory() + "/another.toml";
    const std::string log = node().paths().directory() + "/another.log";
    WriteFile(config, absl::StrReplaceAll(ReadFile(node().paths().config_file()), replacements));
    DaemonProcess another;
    another.Start(CRISP_CRISPD, {"--config", config}, log);
    WaitFor("the other crispd to end", std::chrono::seconds(20), [&] { return !another.Running(); });
    EXPECT_EQ(another.End(), "exit status 1");
    return ReadFile(log);
  }
};

TEST_F(StartTest, TwoDaemonsShareNeitherRootNorState) {
  const std::string root = "root = \"" + node().paths().directory() + "/root\"";
  const std::string other = "\"" + node().paths().directory() + "/other\"";
  EXPECT_THAT(RunAnother({{"state = \"/run/e2e\"", "state = " + other}, {node().paths().socket(), "/run/other.sock"}}),
              HasSubstr("lock " + node().paths().root() + "/lock (is another crispd running?)"));
  EXPECT_THAT(RunAnother({{root, "root = " + other}, {node().paths().socket(), "/run/other.sock"}}),
              HasSubstr("lock " + node().paths().state() + "/lock (is another crispd running?)"));
  EXPECT_EQ(PodStatus(RunPod("after").id).state(), cri::SANDBOX_READY);
}

TEST_F(StartTest, DirectoriesWithWrongModesAreCorrected) {
  const PodRef pod = RunPod("open");
  node().Kill();
  const std::vector<std::pair<std::string, std::string>> modes = {
      {node().paths().root(), "711"},
      {node().paths().state(), "711"},
      {node().paths().state() + "/pods", "711"},
      {node().paths().root() + "/layers", "700"},
      {node().paths().state() + "/oci", "700"},
      {node().paths().state() + "/pods/" + pod.id, "700"},
  };
  for (const auto& [path, mode] : modes) {
    EXPECT_EQ(Mode(path), mode) << path;
    if (path.find(pod.id) == std::string::npos) fs::permissions(path, fs::perms::all);
  }
  node().Start();
  for (const auto& [path, mode] : modes) EXPECT_EQ(Mode(path), mode) << path;
}

TEST_F(StartTest, TheConfigurationSaysTheOomScoreOfTheDaemonAndItsShims) {
  const std::string before = ReadFile("/proc/" + std::to_string(node().pid()) + "/oom_score_adj");
  ASSERT_NE(before, "717\n");
  node().Kill();
  const std::string config = node().paths().config_file();
  WriteFile(config, absl::StrReplaceAll(ReadFile(config), {{"version = 2\n", "version = 2\noom_score = 717\n"}}));
  node().Start();
  EXPECT_EQ(ReadFile("/proc/" + std::to_string(node().pid()) + "/oom_score_adj"), "717\n");
  RunPod("scored");
  EXPECT_EQ(ReadFile("/proc/" + std::to_string(PidByCommand("crisp-shim")) + "/oom_score_adj"), "717\n");
}

// A low limit is set for crispd, which raises its own.
class DescriptorLimitTest : public StartTest {
 protected:
  void SetUp() override {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{1000, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    StartTest::SetUp();
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  rlimit before_{};
};

// What containers get of it is up to the OCI runtime: Debian 12's runc raises its own and theirs (Go 1.19).
TEST_F(DescriptorLimitTest, ShimsHaveTheLimitThatTheDaemonWasStartedWith) {
  const pid_t container = PidOf(Start(RunPod("limits"), ContainerOf("main", "sleep 1000")));
  rlimit limit{};
  ASSERT_EQ(prlimit(container, RLIMIT_NOFILE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_max, before_.rlim_max);
  ASSERT_EQ(prlimit(PidByCommand("crisp-shim"), RLIMIT_NOFILE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 1000u);
  EXPECT_EQ(limit.rlim_max, before_.rlim_max);
  ASSERT_EQ(prlimit(node().pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, before_.rlim_max) << "of crispd itself";
}

class DamagedPreloadTest : public StartTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options;
    options.pull_images = false;
    options.preload_dir = machine.directory + "/preload";
    fs::remove_all(options.preload_dir);
    MakeDirectory(options.preload_dir + "/damaged");
    WriteFile(options.preload_dir + "/damaged/oci-layout", "{}");
    WriteFile(options.preload_dir + "/damaged/index.json", "garbage");
    fs::copy(Store().images.at(kPause).layout, options.preload_dir + "/pause", fs::copy_options::recursive);
    return options;
  }
};

TEST_F(DamagedPreloadTest, IsNamedAndTheOthersAreThere) {
  EXPECT_THAT(node().Log(), HasSubstr("/preload/damaged"));
  EXPECT_TRUE(Must(cri().ImageStatus(kPause)).has_image());
}

// With it the path of a socket is longer than an address has room for (108 bytes, unix(7)).
class LongStateTest : public StartTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.state_parent = "/run/" + std::string(100, 'e');
    return options;
  }
};

TEST_F(LongStateTest, PodsRunAndOutliveTheDaemon) {
  const PodRef pod = RunPod("long");
  const std::string id = Start(pod, ContainerOf("long", "exec sleep 100"));
  EXPECT_EQ(Sh(id, "echo here"), "here\n");
  node().Restart();
  EXPECT_EQ(Sh(id, "echo here"), "here\n");
}

// A file of containerd's with its places moved onto this machine.
std::string Moved(const std::string& file, const NodePaths& paths) {
  const std::vector<std::pair<std::string, std::string>> places = {
      {"\"/var/lib/containerd\"", "\"" + paths.root_parent() + "\""},
      {"\"/run/containerd\"", "\"" + paths.state_parent() + "\""},
      {"\"/run/containerd/containerd.sock\"", "\"" + paths.socket() + "\""},
      {"\"/opt/cni/bin\"", "\"" + paths.cni_bin_dir() + "\""},
      {"\"/etc/cni/net.d\"", "\"" + paths.cni_conf_dir() + "\""}};
  const std::string text = ReadFile(file);
  for (const auto& [from, to] : places) EXPECT_THAT(text, HasSubstr(from));
  return absl::StrReplaceAll(text, places);
}

// The file that containerd ran with on the nodes that crisp is for.
class UsersConfigTest : public StartTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.pull_images = false;
    options.config = [](const NodePaths& paths) { return Moved(CRISP_USERS_CONFIG, paths); };
    return options;
  }
};

TEST_F(UsersConfigTest, ServesAndWarnsOfNoKeyTwice) {
  const auto status = Must(cri().Status());
  for (const cri::RuntimeCondition& condition : status.status().conditions()) {
    EXPECT_TRUE(condition.status()) << condition.type() << ": " << condition.message();
  }
  std::set<std::string> keys;
  int of_the_mirror = 0;
  for (const std::string& line : Lines(node().Log())) {
    if (line.find(" warning ") == std::string::npos) continue;
    if (line.find("registry.cn-hangzhou.aliyuncs.com") != std::string::npos) ++of_the_mirror;
    const size_t at = line.find(node().paths().config_file() + ":");
    if (at == std::string::npos) continue;  // of this machine
    const size_t key = line.find(": ", at) + 2;
    EXPECT_TRUE(keys.insert(line.substr(key, line.find(": ", key) - key)).second) << line;
  }
  EXPECT_EQ(keys.size(), 1u);
  EXPECT_EQ(of_the_mirror, 1) << node().Log();
}

// What `containerd config default` writes.
class DefaultsTest : public StartTest, public ::testing::WithParamInterface<const char*> {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.pull_images = false;
    const std::string file =
        fs::path(CRISP_USERS_CONFIG).replace_filename("defaults-" + std::string(GetParam()) + ".toml");
    options.config = [file](const NodePaths& paths) { return Moved(file, paths); };
    return options;
  }
};

TEST_P(DefaultsTest, ServesWithoutAWarningOfTheFile) {
  const auto status = Must(cri().Status());
  for (const cri::RuntimeCondition& condition : status.status().conditions()) {
    EXPECT_TRUE(condition.status()) << condition.type() << ": " << condition.message();
  }
  EXPECT_THAT(node().Log(), Not(HasSubstr(node().paths().config_file())));
}

INSTANTIATE_TEST_SUITE_P(OfContainerd, DefaultsTest, ::testing::Values("1.6", "1.7", "2.0", "2.1", "2.2", "2.3"));

}  // namespace
}  // namespace crisp::e2e
