#include "stats/go_json.h"

#include "api/cri/cri.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace crisp {
namespace {

using nlohmann::json;

// What k8s.io/cri-api's ContainerConfig gives in Go, by json.Marshal.
TEST(GoJsonTest, AContainersConfigurationIsAsInGo) {
  cri::ContainerConfig config;
  config.mutable_metadata()->set_name("main");
  config.mutable_metadata()->set_attempt(2);
  config.add_command("sh");
  config.set_working_dir("/srv");
  config.add_envs()->set_key("A");
  config.add_envs()->set_value("b");
  (*config.mutable_labels())["app"] = "web";
  config.set_log_path("0.log");
  config.set_tty(true);
  config.add_cdi_devices()->set_name("v/c=0");
  config.set_stop_signal(cri::SIGNAL_SIGUSR1);
  cri::Mount& mount = *config.add_mounts();
  mount.set_host_path("/h");
  mount.set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
  mount.add_uidmappings()->set_host_id(1000);
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(int64_t{200} << 30);
  cri::LinuxContainerSecurityContext& security = *config.mutable_linux()->mutable_security_context();
  security.mutable_run_as_user();
  security.mutable_namespace_options()->set_pid(cri::CONTAINER);
  security.add_supplemental_groups(7);
  EXPECT_EQ(GoJson(config), json::parse(R"({
      "metadata": {"name": "main", "attempt": 2}, "command": ["sh"], "working_dir": "/srv",
      "envs": [{"key": "A"}, {"value": "b"}], "labels": {"app": "web"}, "log_path": "0.log", "tty": true,
      "CDI_devices": [{"name": "v/c=0"}], "stop_signal": 29,
      "mounts": [{"host_path": "/h", "propagation": 2, "uidMappings": [{"host_id": 1000}]}],
      "linux": {"resources": {"memory_limit_in_bytes": 214748364800},
                "security_context": {"run_as_user": {}, "namespace_options": {"pid": 1},
                                     "supplemental_groups": [7]}}})"));
}

TEST(GoJsonTest, AnEmptyMessageIsAnEmptyObject) {
  EXPECT_EQ(GoJson(cri::PodSandboxConfig()), json::object());
}

}  // namespace
}  // namespace crisp
