#include "client/run_spec.h"

#include <gtest/gtest.h>

#include "client/containers.h"

namespace crisp::client {
namespace {

OwnConfig Built(const RunSpec& spec) {
  return BuildConfig(spec, {"docker.io/library/nginx:alpine", {"/entry"}, {"nginx", "-g"}}, "/data/containers/web",
                     "/data/volumes")
      .value();
}

RunSpec Spec() {
  RunSpec spec;
  spec.name = "web";
  spec.image = "nginx:alpine";
  return spec;
}

TEST(RunSpecTest, TheCommandIsAsInDocker) {
  RunSpec spec = Spec();
  EXPECT_EQ(Built(spec).container.annotations().at(kCommandNote), R"(["/entry","nginx","-g"])");
  spec.arguments = {"sh"};
  EXPECT_EQ(Built(spec).container.annotations().at(kCommandNote), R"(["/entry","sh"])");
  spec.entrypoint = "/bin/x";
  EXPECT_EQ(Built(spec).container.command(0), "/bin/x");
  EXPECT_EQ(Built(spec).container.args(0), "sh");
  spec.entrypoint = "";
  EXPECT_EQ(Built(spec).container.command(0), "sh");
}

TEST(RunSpecTest, LimitsVolumesAndVariables) {
  RunSpec spec = Spec();
  spec.cpus = 1.5;
  spec.volumes = {ParseVolume("data:/d", "/").value(), ParseVolume("/anonymous", "/").value()};
  spec.environment = {"A=1", "B=2", "A=3"};
  const OwnConfig config = Built(spec);
  EXPECT_EQ(config.container.linux().resources().cpu_quota(), 150000);
  EXPECT_EQ(config.container.mounts(0).host_path(), "/data/volumes/data");
  EXPECT_EQ(config.container.mounts(1).host_path(), "/data/containers/web/volumes/1");
  ASSERT_EQ(config.container.envs_size(), 2);
  EXPECT_EQ(config.container.envs(0).value(), "3");
  EXPECT_EQ(config.pod.labels().at(kNameLabel), "web");
}

TEST(RunSpecTest, PortsOfTheNodesNetworkAreRefused) {
  RunSpec spec = Spec();
  spec.host_network = true;
  spec.ports = ParsePorts("80:80").value();
  EXPECT_FALSE(BuildConfig(spec, {}, "/a", "/b").ok());
}

}  // namespace
}  // namespace crisp::client
