// Plugins that are slow, fail or are not configured: what calls wait for, what they answer, and what is left.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>

#include "base/clock.h"
#include "e2e/fixture.h"
#include "os/fd.h"
#include "os/netns.h"

namespace crisp::e2e {
namespace {

class SlowNetworkTest : public NodeTest {
 protected:
  void Begin() override { node().WriteCniConfig(kBridge); }

  std::vector<std::string> ListedPods() { return IdsOf(Pods()); }

  std::future<Answer<cri::RunPodSandboxResponse>> RunInBackground(const std::string& name,
                                                                  std::chrono::milliseconds timeout = kCallTimeout) {
    return std::async(std::launch::async,
                      [this, config = PodConfig(name), timeout] { return cri().RunPod(config, timeout); });
  }
};

TEST_F(SlowNetworkTest, TwoRunsOfOneNameAtOnceMakeOnePod) {
  node().wrappers().Stall("ADD");
  auto first = RunInBackground("joined");
  node().wrappers().WaitForStalled("ADD");
  auto second = RunInBackground("joined");
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout) << "it did not wait";
  node().wrappers().Release("ADD");
  const std::string id = Must(first.get()).pod_sandbox_id();
  EXPECT_EQ(Must(second.get()).pod_sandbox_id(), id);
  EXPECT_THAT(ListedPods(), ElementsAre(id));
}

TEST_F(SlowNetworkTest, ARetryAfterATimeOutJoinsTheRunThatIsStillGoing) {
  node().wrappers().Stall("ADD");
  EXPECT_EQ(RunInBackground("slow", std::chrono::milliseconds(500)).get().code(), grpc::DEADLINE_EXCEEDED);
  auto retry = RunInBackground("slow");
  EXPECT_EQ(retry.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout) << "it did not wait";
  node().wrappers().Release("ADD");
  const std::string id = Must(retry.get()).pod_sandbox_id();
  EXPECT_THAT(ListedPods(), ElementsAre(id));
}

TEST_F(SlowNetworkTest, ARetryAfterTheRunHasEndedGetsItsPod) {
  node().wrappers().Stall("ADD");
  EXPECT_EQ(RunInBackground("collected", std::chrono::milliseconds(500)).get().code(), grpc::DEADLINE_EXCEEDED);
  node().wrappers().Release("ADD");
  WaitFor("the pod to be listed", std::chrono::seconds(20), [&] { return ListedPods().size() == 1; });
  const std::string id = ListedPods().front();
  EXPECT_EQ(RunPod("collected").id, id);
  EXPECT_THAT(ListedPods(), ElementsAre(id));
}

TEST_F(SlowNetworkTest, ARetryAfterACancelledRunGetsItsPod) {
  node().wrappers().Stall("ADD");
  grpc::ClientContext context;
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig("cancelled");
  auto run = std::async(std::launch::async,
                        [&] { return cri().Call(&Runtime::RunPodSandbox, request, kCallTimeout, &context); });
  node().wrappers().WaitForStalled("ADD");
  context.TryCancel();
  EXPECT_EQ(run.get().code(), grpc::CANCELLED);
  auto retry = RunInBackground("cancelled");
  node().wrappers().Release("ADD");
  EXPECT_THAT(ListedPods(), ElementsAre(Must(retry.get()).pod_sandbox_id()));
}

TEST_F(SlowNetworkTest, OtherPodsDoNotWaitForOneThatHangs) {
  const PodRef pod = RunPod("quick");
  const std::string shell = Start(pod, ContainerOf("shell", "sleep 1000"));
  node().wrappers().Stall("ADD");
  auto stuck = RunInBackground("stuck");
  node().wrappers().WaitForStalled("ADD");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Sh(shell, "echo works"), "works\n");
  RunToEnd(pod, ContainerOf("second", "true"));
  EXPECT_THAT(ListedPods(), Contains(pod.id));
  Must(cri().StopPod(pod.id));  // DEL calls the same plugin
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  node().wrappers().Release("ADD");
  Must(stuck.get());
}

TEST_F(SlowNetworkTest, AFailingPluginIsNamedAndNothingIsLeft) {
  node().wrappers().Fail("ADD", R"({"cniVersion": "1.0.0", "code": 11, "msg": "out of luck", "details": "today"})", 1);
  const auto answer = cri().RunPod(PodConfig("failing"));
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), AllOf(HasSubstr(kBridge), HasSubstr("out of luck")));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  node().wrappers().Release("ADD");
  RunPod("failing");
}

TEST_F(SlowNetworkTest, AFailureOfTheLastPluginUndoesTheOthers) {
  // When the last plugin of the list fails, bridge has made its link and its lease, and portmap its rules.
  node().WriteCniConfig("bridge", kLast);
  node().wrappers().Fail("last-ADD", R"({"cniVersion": "1.0.0", "code": 11, "msg": "the last straw"})", 1);
  cri::PodSandboxConfig config = PodConfig("undone");
  cri::PortMapping* mapping = config.add_port_mappings();
  mapping->set_container_port(80);
  mapping->set_host_port(18081);
  const auto answer = cri().RunPod(config);
  EXPECT_THAT(answer.text(), AllOf(HasSubstr(kLast), HasSubstr("the last straw")));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  node().wrappers().Release("last-ADD");
  RunPod(config);
}

TEST_F(SlowNetworkTest, APluginThatPrintsGarbageIsAnError) {
  node().wrappers().Fail("ADD", "<html>this is no result</html>", 0);
  const auto answer = cri().RunPod(PodConfig("garbage"));
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr(kBridge));
  EXPECT_EQ(Leftovers(), "");
  node().wrappers().Release("ADD");
  RunPod("garbage");
}

TEST_F(SlowNetworkTest, StopFailsWhileThePluginFailsAndSucceedsAfterwards) {
  const PodRef pod = RunPod("del");
  Start(pod, ContainerOf("running", "sleep 1000"));
  node().wrappers().Fail("DEL", R"({"cniVersion": "1.0.0", "code": 11, "msg": "not now"})", 1);
  const auto answer = cri().StopPod(pod.id);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr("not now"));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  node().wrappers().Release("DEL");
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(SlowNetworkTest, StopUsesTheConfigurationThatThePodWasMadeWith) {
  const PodRef pod = RunPod("cached");
  node().RemoveCniConfig();
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

class NoNetworkTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cni_config = false;
    return options;
  }

  cri::RuntimeCondition Condition(const std::string& type) {
    const auto answer = Must(cri().Status());
    for (const cri::RuntimeCondition& condition : answer.status().conditions()) {
      if (condition.type() == type) return condition;
    }
    throw std::runtime_error("Status has no condition " + type);
  }
};

TEST_F(NoNetworkTest, StatusSaysWhyAndNoticesANewConfiguration) {
  EXPECT_TRUE(Condition("RuntimeReady").status());
  const cri::RuntimeCondition network = Condition("NetworkReady");
  EXPECT_FALSE(network.status());
  EXPECT_THAT(network.reason(), Not(IsEmpty()));
  EXPECT_THAT(network.message(), HasSubstr(node().paths().cni_conf_dir()));
  EXPECT_FALSE(cri().RunPod(PodConfig("early")).ok());
  EXPECT_EQ(Leftovers(), "");
  node().WriteCniConfig();
  WaitFor("NetworkReady", std::chrono::seconds(5), [&] { return Condition("NetworkReady").status(); });
  RunPod("early");
}

TEST_F(NoNetworkTest, HostNetworkPodsRunAnyway) {
  cri::PodSandboxConfig config = PodConfig("host");
  UseHostNetwork(config);
  EXPECT_EQ(PodStatus(RunPod(config).id).state(), cri::SANDBOX_READY);
}

// A node whose network is written from a template, once the kubelet has told its range of addresses.
class TemplateTest : public NoNetworkTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options = NoNetworkTest::Options(machine);
    const std::string path = machine.directory + "/net.template";
    WriteFile(path, R"({"cniVersion": "1.0.0", "name": "e2e", "plugins": [
      {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local",
       "ranges": [{{range $i, $range := .PodCIDRRanges}}{{if $i}}, {{end}}[{"subnet": "{{$range}}"}]{{end}}],
       "routes": [{{range $i, $route := .Routes}}{{if $i}}, {{end}}{"dst": "{{$route}}"}{{end}}]}}]})");
    options.cni_toml = "conf_template = \"" + path + "\"\n";
    return options;
  }
  Answer<cri::UpdateRuntimeConfigResponse> TellPodCidr(const std::string& pod_cidr) {
    cri::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(pod_cidr);
    return cri().Call(&Runtime::UpdateRuntimeConfig, request);
  }
};

TEST_F(TemplateTest, ThePodCidrMakesTheNetwork) {
  EXPECT_FALSE(Condition("NetworkReady").status());
  EXPECT_EQ(TellPodCidr("10.88.0.0").code(), grpc::INVALID_ARGUMENT);
  Must(TellPodCidr("10.88.0.0/24,fd00:88::/64"));
  EXPECT_TRUE(Condition("NetworkReady").status()) << Condition("NetworkReady").message();
  const PodRef pod = RunPod("templated");
  const cri::PodSandboxNetworkStatus network = PodStatus(pod.id).network();
  EXPECT_THAT(network.ip(), StartsWith("10.88.0."));
  ASSERT_EQ(network.additional_ips_size(), 1);
  EXPECT_THAT(network.additional_ips(0).ip(), StartsWith("fd00:88::"));
  node().Restart();
  EXPECT_TRUE(Condition("NetworkReady").status());
  EXPECT_EQ(PodStatus(pod.id).network().ip(), network.ip());
}

class UdpPortTest : public NodeTest {
 protected:
  static constexpr uint16_t kHostPort = 18053;

  static sockaddr_in Address(const char* ip, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
  }
  static Fd Server(uint16_t port) {
    Fd server(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in any = Address("0.0.0.0", port);
    EXPECT_EQ(bind(server.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
    return server;
  }
  // In the place of a container's.
  static Fd ServerOf(pid_t process, uint16_t port) {
    Fd server;
    EXPECT_TRUE(RunInNetns(ProcPath(process, "ns/net"), [&] {
                  server = Server(port);
                  return absl::OkStatus();
                }).ok());
    return server;
  }
  static bool Reaches(const Fd& client, const Fd& server) {
    char byte = 'x';
    pollfd ready{server.get(), POLLIN, 0};
    return send(client.get(), &byte, 1, 0) == 1 && poll(&ready, 1, 5000) == 1 && recv(server.get(), &byte, 1, 0) == 1;
  }
};

// Each with the same socket, as a client that never pauses: the kernel tracks it as one flow.
TEST_F(UdpPortTest, AClientThatGoesOnReachesWhoeverHasTheHostPort) {
  cri::PodSandboxConfig config = PodConfig("udp");
  cri::PortMapping* mapping = config.add_port_mappings();
  mapping->set_protocol(cri::UDP);
  mapping->set_container_port(53);
  mapping->set_host_port(kHostPort);
  const PodRef first = RunPod(config);
  const Fd first_server = ServerOf(PidOf(first.id), 53);
  const Fd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in to = Address("10.88.0.1", kHostPort);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  EXPECT_TRUE(Reaches(client, first_server));
  Must(cri().StopPod(first.id));
  {
    const Fd on_node = Server(kHostPort);
    EXPECT_TRUE(Reaches(client, on_node));
  }
  config.mutable_metadata()->set_attempt(1);
  const PodRef second = RunPod(config);
  const Fd second_server = ServerOf(PidOf(second.id), 53);
  EXPECT_TRUE(Reaches(client, second_server));
}

}  // namespace
}  // namespace crisp::e2e
