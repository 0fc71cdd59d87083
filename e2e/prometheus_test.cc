// What Prometheus reads of crispd at metrics.address.
#include <netinet/in.h>
#include <sys/socket.h>

#include "e2e/fixture.h"
#include "e2e/http.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

using ::testing::ContainsRegex;

class PrometheusTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.extra_toml = "[metrics]\naddress = \"127.0.0.1:1338\"\ngrpc_histogram = true\n";
    return options;
  }
  static std::string Metrics() { return Fetch("127.0.0.1", 1338, "/metrics"); }
};

TEST_F(PrometheusTest, CallsStepsAndWhatTheNodeHasAreThere) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("one", "sleep 1000"));
  EXPECT_FALSE(cri().ContainerStatus("unknown").ok());
  const std::string text = Metrics();
  const auto has = [&](const std::string& line) { EXPECT_THAT(text, HasSubstr("\n" + line + "\n")); };
  const std::string service = R"(grpc_service="runtime.v1.RuntimeService",grpc_type="unary")";
  has(R"(grpc_server_started_total{grpc_method="RunPodSandbox",)" + service + "} 1");
  has(R"(grpc_server_handled_total{grpc_code="OK",grpc_method="StartContainer",)" + service + "} 1");
  has(R"(grpc_server_handled_total{grpc_code="NotFound",grpc_method="ContainerStatus",)" + service + "} 1");
  has(R"(grpc_server_handling_seconds_count{grpc_method="RunPodSandbox",)" + service + "} 1");
  has(R"(crisp_rpcs_in_flight{grpc_method="RunPodSandbox",grpc_service="runtime.v1.RuntimeService"} 0)");
  has(R"(crisp_operation_seconds_count{operation="RunPodSandbox",result="ok"} 1)");
  has(R"(crisp_operation_step_seconds_count{operation="RunPodSandbox",step="run CNI ADD"} 1)");
  has(R"(crisp_pods{state="ready"} 1)");
  has(R"(crisp_containers{state="running"} 1)");
  has("crisp_images 2");
  EXPECT_THAT(text, AllOf(HasSubstr("\nprocess_resident_memory_bytes "), HasSubstr("\ncrisp_image_layers_bytes ")));
  EXPECT_THAT(text, Not(AnyOf(HasSubstr(pod.id), HasSubstr(container)))) << "ids would make series without end";
  EXPECT_THAT(Fetch("127.0.0.1", 1338, "/v1/metrics"), HasSubstr("\ncrisp_images 2\n"));
}

TEST_F(PrometheusTest, WhatPodsAndContainersUseIsThereUnderCadvisorsNames) {
  const PodRef pod = RunPod(PodConfigWithCgroup("shop"));
  Start(pod, ContainerOf("web", "sleep 1000"));
  const std::string text = Metrics();
  const std::string of_pod = R"(namespace="e2e",pod="shop")";
  const std::string of_container = R"(container="web",image=")" + std::string(kBusybox) + "\"," + of_pod;
  for (const std::string& series :
       {"container_cpu_usage_seconds_total{" + of_container + R"(,cpu="total"})",
        "container_memory_working_set_bytes{" + of_container + "}", "container_processes{" + of_container + "} 1\n",
        "container_memory_working_set_bytes{" + of_pod + "}",
        "container_network_receive_bytes_total{" + of_pod + R"(,interface="eth0"})",
        std::string(R"(crisp_ready{condition="network"} 1)")}) {
    EXPECT_THAT(text, HasSubstr("\n" + series));
  }
  EXPECT_THAT(text, ContainsRegex(R"(container_cpu_usage_seconds_total[^ ]* [0-9]+\.[0-9]{9})"
                                  "\n"))
      << "seconds are not cut";
}

class WithoutPodMetricsTest : public PrometheusTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options = PrometheusTest::Options(machine);
    options.extra_toml += "[plugins.\"io.containerd.monitor.v1.cgroups\"]\nno_prometheus = true\n";
    return options;
  }
};

TEST_F(WithoutPodMetricsTest, ThereAreNoSeriesOfPods) {
  RunPod("pod");
  EXPECT_THAT(Metrics(), AllOf(HasSubstr("\ncrisp_pods{state=\"ready\"} 1\n"), Not(HasSubstr("\ncontainer_"))));
}

TEST_F(PrometheusTest, AnAddressThatIsTakenKeepsNothingElseFromWorking) {
  const PodRef pod = RunPod("pod");
  node().Terminate();
  const Fd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(1338);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(other.get(), 1), 0);
  node().Start();
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_THAT(node().Log(), HasSubstr("metrics are not served; look at metrics.address"));
}

}  // namespace
}  // namespace crisp::e2e
