#include "client/endpoint.h"

#include <gtest/gtest.h>

#include <fstream>

namespace crisp::client {
namespace {

EndpointChoices Choices(const std::string& config) {
  EndpointChoices choices;
  choices.config_file = ::testing::TempDir() + "crictl.yaml";
  std::ofstream(choices.config_file) << config;
  choices.known = {"/nowhere/a.sock"};
  return choices;
}

TEST(EndpointTest, TheOptionComesBeforeTheVariableAndTheFile) {
  EndpointChoices choices = Choices("runtime-endpoint: unix:///file.sock\n");
  EXPECT_EQ(ChooseEndpoint(choices)->path, "/file.sock");
  choices.variable = "unix:///variable.sock";
  EXPECT_EQ(ChooseEndpoint(choices)->path, "/variable.sock");
  choices.flag = "/option.sock";
  EXPECT_EQ(ChooseEndpoint(choices)->path, "/option.sock");
}

TEST(EndpointTest, WhereNobodyListensTheSocketsAreNamed) {
  const auto endpoint = ChooseEndpoint(Choices("timeout: 3\n"));
  EXPECT_NE(endpoint.status().message().find("/nowhere/a.sock"), absl::string_view::npos);
}

TEST(EndpointTest, AFileThatIsNoYamlIsNamedWithItsLine) {
  const auto endpoint = ChooseEndpoint(Choices("runtime-endpoint: \"\nx"));
  EXPECT_NE(endpoint.status().message().find("crictl.yaml: line "), absl::string_view::npos);
}

TEST(EndpointTest, OnlyUnixSocketsAreTaken) {
  EXPECT_EQ(*SocketPath("unix:/run/a.sock"), "/run/a.sock");
  EXPECT_FALSE(SocketPath("tcp://localhost:1").ok());
}

}  // namespace
}  // namespace crisp::client
