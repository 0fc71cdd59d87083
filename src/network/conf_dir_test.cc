// Configurations that come, change and go while the daemon runs.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "base/json.h"
#include "base/testing/captured_log.h"
#include "base/testing/wait.h"
#include "network/network.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ConfDirTest : public testing::Test {
 protected:
  void SetUp() override {
    conf_ = dir_ + "/etc/cni/net.d";
    ASSERT_TRUE(MakeDirs(dir_ + "/bin", 0755).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/bin/ptp", "", 0755).ok());
    network_ = *Network::Start({.bin_dirs = {dir_ + "/bin"}, .conf_dir = {conf_}});
  }
  void Write(const std::string& file, const std::string& text) {
    ASSERT_TRUE(MakeDirs(conf_, 0755).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, conf_ + "/" + file, text, 0644).ok());
  }
  static std::string Conf(const std::string& name) {
    return R"({"cniVersion":"1.0.0","name":")" + name + R"(","type":"ptp"})";
  }
  static PodNetworkRequest Pod() {
    PodNetworkRequest request;
    request.pod_id = "pod";
    request.netns_path = "/run/netns/pod";
    return request;
  }
  // Of the first network that a pod planned now would have; else the error.
  std::string Planned() {
    const auto plan = network_->Plan(Pod());
    if (!plan.ok()) return std::string(plan.status().message());
    return (*ParseJsonObject(plan->plan))["networks"][0]["config"]["name"];
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::string conf_;
  std::unique_ptr<Network> network_;
};

TEST_F(ConfDirTest, WithoutAConfigurationItSaysWhatToDo) {
  EXPECT_EQ(network_->Ready(),
            absl::FailedPreconditionError("no CNI configuration in " + conf_ +
                                          ": put a .conflist there, or install your network add-on"));
  EXPECT_EQ(network_->Plan(Pod()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ConfDirTest, AConfigurationThatComesLaterIsUsed) {
  EXPECT_FALSE(network_->Ready().ok());
  ASSERT_TRUE(MakeDirs(dir_ + "/etc/cni", 0755).ok());
  EXPECT_FALSE(network_->Ready().ok());
  Write("10-a.conf", Conf("a"));
  EXPECT_TRUE(network_->Ready().ok()) << network_->Ready();
  EXPECT_EQ(Planned(), "a");
}

TEST_F(ConfDirTest, ChangesAreSeenAtOnce) {
  Write("10-a.conf", Conf("a"));
  EXPECT_EQ(Planned(), "a");
  Write("10-a.conf", Conf("changed"));
  EXPECT_EQ(Planned(), "changed");
  Write("05-b.conf", Conf("b"));
  EXPECT_EQ(Planned(), "b") << "earlier by name";
  ASSERT_EQ(unlink((conf_ + "/05-b.conf").c_str()), 0);
  EXPECT_EQ(Planned(), "changed");
  Write("tmp", Conf("moved"));
  ASSERT_EQ(rename((conf_ + "/tmp").c_str(), (conf_ + "/10-a.conf").c_str()), 0);
  EXPECT_EQ(Planned(), "moved");
}

TEST_F(ConfDirTest, ABadFileIsPassedOverAndAllBadIsNotReady) {
  Write("10-a.conf", Conf("a"));
  Write("05-bad.conflist", "{");
  EXPECT_EQ(Planned(), "a");
  EXPECT_THAT(network_->Describe(), HasSubstr("05-bad.conflist"));
  Write("10-a.conf", R"({"cniVersion":"1.0.0","name":"a"})");
  EXPECT_THAT(std::string(network_->Ready().message()),
              AllOf(HasSubstr("no valid CNI configuration in " + conf_), HasSubstr("05-bad.conflist: not JSON"),
                    HasSubstr("10-a.conf: \"type\" is missing")));
  EXPECT_EQ(Planned(), network_->Ready().message());
  Write("10-a.conf", Conf("well"));
  EXPECT_EQ(Planned(), "well");
}

TEST_F(ConfDirTest, ADirectoryThatIsRemovedAndComesBackIsFollowed) {
  Write("10-a.conf", Conf("a"));
  EXPECT_EQ(Planned(), "a");
  ASSERT_TRUE(RemoveTree(dir_ + "/etc").ok());
  EXPECT_THAT(Planned(), HasSubstr("no CNI configuration in"));
  Write("10-b.conf", Conf("b"));
  EXPECT_EQ(Planned(), "b");
}

TEST_F(ConfDirTest, DescribeIsJsonThatShowsWhatIsLoaded) {
  Write("10-a.conf", Conf("a"));
  const Json described = *ParseJsonObject(network_->Describe());
  EXPECT_EQ(described["confDir"], conf_);
  EXPECT_EQ(described["networks"][0]["file"], "10-a.conf");
  EXPECT_EQ(described["networks"][0]["config"]["plugins"][0]["type"], "ptp");
}

// Of version 1.1.0 they are asked for their STATUS.
TEST_F(ConfDirTest, ANetworkWhosePluginsCannotServeIsNotReady) {
  const std::string script =
      "#!/bin/sh\n[ $CNI_COMMAND = STATUS ] && echo '{\"code\":50,\"msg\":\"no peers\"}' && exit 1\n";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/bin/ptp", script, 0755).ok());
  Write("10-a.conf", Conf("a"));
  EXPECT_TRUE(network_->Ready().ok()) << "version 1.0.0 has no STATUS";
  Write("10-a.conf", R"({"cniVersion":"1.1.0","name":"a","type":"ptp"})");
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(network_->Ready().message(), "no peers"); }));
}

TEST_F(ConfDirTest, DirectoriesMustBeAbsolute) {
  EXPECT_EQ(Network::Start({.bin_dirs = {"/bin"}, .conf_dir = {"etc"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Network::Start({.bin_dirs = {"bin"}, .conf_dir = {"/etc"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Network::Start({.bin_dirs = {"/bin"}, .conf_dir = {"/etc"}, .conf_template = "a"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Network::Start({.bin_dirs = {}, .conf_dir = {"/etc"}}).status().code(), absl::StatusCode::kInvalidArgument);
}

class GeneratedConfTest : public ConfDirTest {
 protected:
  void SetUp() override {
    ConfDirTest::SetUp();
    WriteTemplate(R"({"cniVersion":"1.0.0","name":"generated",
        "plugins":[{"type":"ptp","ipam":{"subnet":"{{.PodCIDR}}"}}]})");
    network_ = *Network::Start({.bin_dirs = {dir_ + "/bin"}, .conf_dir = {conf_}, .conf_template = template_});
  }
  void WriteTemplate(const std::string& text) { ASSERT_TRUE(WriteFileAt(AT_FDCWD, template_, text, 0644).ok()); }

  const std::string template_ = dir_ + "/net.template";
  const std::string written_ = dir_ + "/etc/cni/net.d/10-crisp-net.conflist";
};

TEST_F(GeneratedConfTest, TheFirstRangeMakesTheNetworkReady) {
  WriteTemplate(R"({"cniVersion":"1.0.0","name":"generated","plugins":[{"type":"ptp","ipam":{"ranges":[
      {{range $i, $range := .PodCIDRRanges}}{{if $i}}, {{end}}[{"subnet": "{{$range}}"}]{{end}}]}}]})");
  EXPECT_TRUE(network_->SetPodCidrs("").ok());
  EXPECT_FALSE(network_->Ready().ok()) << "the node has no range yet";
  ASSERT_TRUE(network_->SetPodCidrs("10.1.2.0/24, fd00:1::/64").ok());
  EXPECT_TRUE(network_->Ready().ok()) << network_->Ready();
  EXPECT_EQ(Planned(), "generated");
  const std::string text = *ReadFileAt(AT_FDCWD, written_, 1 << 20);
  EXPECT_THAT(text, HasSubstr(R"([{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00:1::/64"}])"));
  ASSERT_TRUE(network_->SetPodCidrs("10.9.9.0/24").ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, written_, 1 << 20), text) << "there is a configuration already";
}

TEST_F(GeneratedConfTest, AConfigurationOfSomebodyElseIsLeftAlone) {
  Write("20-add-on.conf", Conf("add-on"));
  ASSERT_TRUE(network_->SetPodCidrs("10.1.2.0/24").ok());
  EXPECT_FALSE(Exists(written_));
  EXPECT_EQ(Planned(), "add-on");
}

TEST_F(GeneratedConfTest, WithoutATemplateNothingIsWritten) {
  network_ = *Network::Start({.bin_dirs = {dir_ + "/bin"}, .conf_dir = {conf_}});
  EXPECT_TRUE(network_->SetPodCidrs("10.1.2.0/24").ok());
  EXPECT_FALSE(Exists(written_));
  EXPECT_EQ(network_->SetPodCidrs("10.1.2.0").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(GeneratedConfTest, ATemplateThatCannotBeUsedIsNamedAtTheStartAndWhenItIsNeeded) {
  const auto start = [&] {
    CapturedLog log;
    network_ = *Network::Start({.bin_dirs = {dir_ + "/bin"}, .conf_dir = {conf_}, .conf_template = template_});
    return log.Text();
  };
  WriteTemplate("{\n\"name\": {{join .Routes}}\n}");
  EXPECT_THAT(start(), AllOf(HasSubstr("conf_template cannot be used"), HasSubstr(template_),
                             HasSubstr("line 2: {{join .Routes}}: is not understood")));
  EXPECT_THAT(std::string(network_->SetPodCidrs("10.1.2.0/24").message()),
              AllOf(HasSubstr(template_), HasSubstr("line 2: {{join .Routes}}")));
  WriteTemplate("{{.PodCIDR}} is no configuration");
  EXPECT_THAT(std::string(network_->SetPodCidrs("10.1.2.0/24").message()),
              AllOf(HasSubstr(template_), HasSubstr("with the node's ranges put in: not JSON")));
  EXPECT_FALSE(Exists(written_));
  ASSERT_EQ(unlink(template_.c_str()), 0);
  EXPECT_THAT(start(), HasSubstr("No such file"));
  EXPECT_THAT(std::string(network_->SetPodCidrs("10.1.2.0/24").message()), HasSubstr(template_));
  Write("20-add-on.conf", Conf("add-on"));
  EXPECT_TRUE(network_->SetPodCidrs("10.1.2.0/24").ok()) << "it is not needed";
}

TEST_F(GeneratedConfTest, ADirectoryThatCannotBeMadeIsAnError) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/etc", "", 0644).ok());
  EXPECT_THAT(std::string(network_->SetPodCidrs("10.1.2.0/24").message()), HasSubstr("Not a directory"));
}

// As containerd's cni_conf_dir and cni_max_conf_num of a runtime.
TEST_F(ConfDirTest, AHandlerMayHaveNetworksOfItsOwn) {
  const std::string own = dir_ + "/own";
  ASSERT_TRUE(MakeDirs(own, 0755).ok());
  network_ = *Network::Start({.bin_dirs = {dir_ + "/bin"},
                              .conf_dir = {conf_, 1},
                              .choice = CniOptions::Choice::kIpv4,
                              .handlers = {{"vm", {own, 2}}}});
  PodNetworkRequest vm = Pod();
  vm.handler = "vm";
  Write("10.conf", Conf("everybody"));
  EXPECT_EQ(Planned(), "everybody");
  EXPECT_THAT(std::string(network_->Plan(vm).status().message()), HasSubstr("no CNI configuration in " + own));
  EXPECT_TRUE(network_->Ready().ok()) << "the other pods have their network";
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, own + "/" + name + ".conf", Conf(name), 0644).ok());
  }
  const auto plan = network_->Plan(vm);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const Json networks = (*ParseJsonObject(plan->plan))["networks"];
  ASSERT_EQ(networks.size(), 2u);
  EXPECT_EQ(networks[0]["config"]["name"], "a");
  EXPECT_EQ(networks[1]["config"]["name"], "b");
  EXPECT_EQ(Planned(), "everybody");
}

}  // namespace
}  // namespace crisp
