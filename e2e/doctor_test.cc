// `crispd doctor` on a node that is well, and on one with faults.
#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "e2e/fixture.h"
#include "os/fd.h"
#include "os/mount.h"
#include "os/process.h"

namespace crisp::e2e {
namespace {

class DoctorTest : public NodeTest {
 protected:
  // The first mirror is dead.
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.endpoints = {"http://127.0.0.1:1", "http://127.0.0.1:5000"};
    return options;
  }

  // "problem kernel.overlayfs <object>: <finding>" of each finding; its exit status in `status_`.
  std::vector<std::string> Doctor(const std::vector<std::string>& more, const std::string& config) {
    Command command;
    command.path = CRISP_CRISPD;
    command.args = {"doctor", "--json", "--config", config};
    command.args.insert(command.args.end(), more.begin(), more.end());
    command.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    const auto result = RunCommand(command, CallContext::WithTimeout(std::chrono::seconds(60)));
    if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
    status_ = result->exit_code;
    const nlohmann::json report = nlohmann::json::parse(result->output);
    std::vector<std::string> lines;
    for (const auto& check : report.at("checks")) {
      for (const auto& finding : check.at("findings")) {
        const auto text = [&](const char* key) { return finding.at(key).get<std::string>(); };
        lines.push_back(text("verdict") + " " + text("name") + " " + text("object") + ": " + text("finding"));
      }
    }
    return lines;
  }
  std::vector<std::string> Doctor(const std::vector<std::string>& more = {}) {
    return Doctor(more, node().paths().config_file());
  }

  int status_ = -1;
};

TEST_F(DoctorTest, ANodeThatIsWellHasNoProblem) {
  const std::vector<std::string> lines = Doctor();
  EXPECT_THAT(lines, Each(Not(StartsWith("problem "))));
  EXPECT_EQ(status_, 0);
  EXPECT_THAT(lines, Contains(StartsWith("ok daemon.answers /run/crisp.sock: crisp ")));
  EXPECT_THAT(lines, Contains(StartsWith("ok daemon.condition NetworkReady")));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("ok image.pause "), HasSubstr("is on the node"))));
  EXPECT_THAT(lines, Contains(StartsWith("ok disk.overlay ")));
  EXPECT_THAT(lines, Contains(StartsWith("ok runtime.shim ")));
  EXPECT_THAT(lines, Contains(StartsWith("warning registry.endpoint http://127.0.0.1:1/v2 for docker.io: ")));
  EXPECT_THAT(lines, Contains(StartsWith("ok registry.endpoint http://127.0.0.1:5000/v2 for docker.io: ")));
}

TEST_F(DoctorTest, FaultsOfTheNodeAreProblems) {
  node().WriteCniConfig("no-such-plugin");
  const std::string kubelet = node().paths().directory() + "/kubelet.yaml";
  WriteFile(kubelet,
            "kind: KubeletConfiguration\ncgroupDriver: systemd\ncontainerRuntimeEndpoint: unix:///run/crisp.sock\n");
  const std::vector<std::string> lines = Doctor(
      {"--kubelet-config", kubelet, "--check", "cni", "--check", "daemon", "--check", "cgroup", "--check", "kubelet"});
  EXPECT_EQ(status_, 1);
  EXPECT_THAT(lines, Contains(StartsWith("problem cni.plugin plugin no-such-plugin of ")));
  EXPECT_THAT(lines,
              Contains(AllOf(StartsWith("problem daemon.condition NetworkReady: "), HasSubstr("no-such-plugin"))));
  EXPECT_THAT(lines, Contains(StartsWith("problem cgroup.driver SystemdCgroup = false: ")));
  EXPECT_THAT(lines, Contains(StartsWith("ok kubelet.endpoint ")));
  EXPECT_THAT(lines, Each(Not(HasSubstr(" disk."))));
}

TEST_F(DoctorTest, AFullRootIsAProblem) {
  const std::string root = "/run/full/crisp";
  MakeDirectory(root);
  ASSERT_TRUE(MountTmpfs(root, "2m", "0711").ok());
  {
    const Fd file(open((root + "/big").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const std::string block(64 << 10, 'x');
    while (write(file.get(), block.data(), block.size()) > 0) {
    }
  }
  const std::string config = node().paths().directory() + "/full.toml";
  WriteFile(config, "version = 2\nroot = \"" + root + "\"\n");
  EXPECT_THAT(Doctor({"--check", "disk"}, config), Contains(StartsWith("problem disk.root " + root)));
  EXPECT_EQ(status_, 1);
  ASSERT_TRUE(Unmount(root).ok());
}

TEST_F(DoctorTest, WithoutADaemonTheRestIsStillSeen) {
  node().Kill();
  const std::vector<std::string> lines = Doctor();
  EXPECT_EQ(status_, 0) << "a daemon that does not run is a warning";
  EXPECT_THAT(lines, Contains(StartsWith("warning daemon.answers ")));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("ok image.pause "), HasSubstr("is on the node"))));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("ok database.integrity "), HasSubstr("every page is whole"))));
  node().Start();
}

}  // namespace
}  // namespace crisp::e2e
