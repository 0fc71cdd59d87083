#include "client/run_flags.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace crisp::client {
namespace {

TEST(RunFlagsTest, Ports) {
  EXPECT_EQ(PortText(ParsePorts("8080:80")->at(0)), "0.0.0.0:8080->80/tcp");
  EXPECT_EQ(PortText(ParsePorts("127.0.0.1:53:53/udp")->at(0)), "127.0.0.1:53->53/udp");
  EXPECT_EQ(PortText(ParsePorts("[::1]:1:2")->at(0)), "[::1]:1->2/tcp");
  EXPECT_EQ(ParsePorts("80")->at(0).host_port(), 0);
  EXPECT_EQ(ParsePorts("8000-8002:80-82")->at(2).host_port(), 8002);
  for (const char* bad : {"", "0:80", "a:80", "1:70000", "1-2:3", "1:2:3:4", "80/xyz"}) {
    EXPECT_FALSE(ParsePorts(bad).ok()) << bad;
  }
}

TEST(RunFlagsTest, Volumes) {
  const Volume bind = ParseVolume("./a:/in:ro,rslave", "/here").value();
  EXPECT_EQ(bind.source, "/here/a");
  EXPECT_TRUE(bind.readonly);
  EXPECT_EQ(bind.propagation, cri::PROPAGATION_HOST_TO_CONTAINER);
  EXPECT_TRUE(ParseVolume("data:/in", "/")->named());
  EXPECT_EQ(ParseVolume("/in", "/")->source, "");
  EXPECT_TRUE(ParseMount("type=bind,src=/a,dst=/b,readonly", "/")->readonly);
  for (const char* bad : {"a:b", "a/b:/in", ":/in", "/a:/b:huh", "/a:/b:ro:x"}) {
    EXPECT_FALSE(ParseVolume(bad, "/").ok()) << bad;
  }
}

TEST(RunFlagsTest, FilesOfVariables) {
  const std::string path = ::testing::TempDir() + "env";
  setenv("OF_CALLER", "1", 1);
  unsetenv("OF_NOBODY");
  std::ofstream(path) << "# about\nA=b c\n\nOF_CALLER\nOF_NOBODY\nEMPTY=\r\n";
  EXPECT_EQ(*EnvironmentFile(path), (std::vector<std::string>{"A=b c", "OF_CALLER=1", "EMPTY="}));
  std::ofstream(path) << "A=1\nnot a name=1\n";
  EXPECT_NE(EnvironmentFile(path).status().message().find(":2: "), absl::string_view::npos);
  EXPECT_FALSE(EnvironmentFile("/nowhere").ok());
}

TEST(RunFlagsTest, UsersAndSecurity) {
  cri::LinuxContainerSecurityContext security;
  ASSERT_TRUE(ParseUser("1000:50", &security).ok());
  EXPECT_EQ(security.run_as_group().value(), 50);
  EXPECT_FALSE(ParseUser("app:staff", &security).ok());
  ASSERT_TRUE(ParseSecurityOption("seccomp=unconfined", &security).ok());
  EXPECT_EQ(security.seccomp().profile_type(), cri::SecurityProfile::Unconfined);
  EXPECT_FALSE(ParseSecurityOption("label=disable", &security).ok());
}

TEST(RunFlagsTest, SignalsAndNames) {
  EXPECT_EQ(*SignalNumber("sighup"), SIGHUP);
  EXPECT_EQ(*SignalNumber("15"), SIGTERM);
  EXPECT_FALSE(SignalNumber("SIGNOPE").ok());
  EXPECT_EQ(*ParseSignal("15"), cri::SIGNAL_SIGTERM);
  EXPECT_TRUE(CheckName("web-1").ok());
  EXPECT_FALSE(CheckName("../x").ok());
}

}  // namespace
}  // namespace crisp::client
