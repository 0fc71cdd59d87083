// The life of pods.
#include <future>

#include "base/clock.h"
#include "e2e/fixture.h"
#include "e2e/http.h"

namespace crisp::e2e {
namespace {

class PodTest : public NodeTest {
 protected:
  std::string StartWebServer(const PodRef& pod) {
    return Start(pod, ContainerOf("web", "echo 'a page' > /var/www/index.html; exec httpd -f -p 80 -h /var/www"));
  }
  std::vector<std::string> ListedPods(const cri::PodSandboxFilter& filter = {}) { return IdsOf(Pods(filter)); }
};

TEST_F(PodTest, LivesFromRunToRemoveWithTwoContainers) {
  const PodRef pod = RunPod("life");
  EXPECT_THAT(pod.id, MatchesRegex("[0-9a-f]+"));
  EXPECT_THAT(pod.id, SizeIs(64));
  const std::string ip = PodStatus(pod.id).network().ip();
  EXPECT_THAT(ip, StartsWith("10.88.0."));

  const std::string web = StartWebServer(pod);
  EXPECT_THAT(Fetch(ip, 80), HasSubstr("a page"));
  // The second container shares the first one's network.
  const cri::ContainerStatus client = RunToEnd(pod, ContainerOf("client", "wget -q -O - http://127.0.0.1/"));
  EXPECT_EQ(client.exit_code(), 0);
  EXPECT_THAT(ReadFile(pod.LogPath("client")), HasSubstr("stdout F a page"));
  EXPECT_THAT(Containers(), SizeIs(2));

  Must(cri().StopContainer(web, 0));
  Must(cri().RemoveContainer(web));
  EXPECT_EQ(cri().ContainerStatus(web).code(), grpc::NOT_FOUND);
  EXPECT_THAT(Containers(), SizeIs(1));

  Must(cri().StopPod(pod.id));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  Must(cri().RemovePod(pod.id));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_THAT(Containers(), IsEmpty());
  EXPECT_EQ(cri().PodStatus(pod.id).code(), grpc::NOT_FOUND);
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PodTest, StatusGivesBackWhatWasAskedFor) {
  cri::PodSandboxConfig config = PodConfig("status");
  config.mutable_metadata()->set_attempt(3);
  (*config.mutable_labels())["a.b/c"] = "d e=f,\"g\"";
  (*config.mutable_annotations())["note"] = "line 1\nline 2 \xc3\xa9";
  const int64_t before = WallNanos();
  const PodRef pod = RunPod(config);
  const cri::PodSandboxStatus status = PodStatus(pod.id);
  EXPECT_EQ(status.id(), pod.id);
  EXPECT_EQ(status.metadata().SerializeAsString(), config.metadata().SerializeAsString());
  EXPECT_EQ(status.state(), cri::SANDBOX_READY);
  EXPECT_GE(status.created_at(), before);
  EXPECT_LE(status.created_at(), WallNanos());
  EXPECT_EQ(status.labels().at("a.b/c"), "d e=f,\"g\"");
  EXPECT_EQ(status.labels().at("app"), "status");
  EXPECT_EQ(status.annotations().at("note"), "line 1\nline 2 \xc3\xa9");
  EXPECT_EQ(status.linux().namespaces().options().pid(), cri::CONTAINER);
  EXPECT_EQ(status.linux().namespaces().options().network(), cri::POD);
  const cri::PodSandbox listed = Pods().front();
  EXPECT_EQ(listed.id(), pod.id);
  EXPECT_EQ(listed.metadata().SerializeAsString(), config.metadata().SerializeAsString());
  EXPECT_EQ(listed.created_at(), status.created_at());
  EXPECT_EQ(listed.labels().size(), 2u);
  EXPECT_EQ(listed.annotations().at("note"), "line 1\nline 2 \xc3\xa9");
}

// The kubelet's evented PLEG takes these in place of a ContainerStatus for each container.
TEST_F(PodTest, StatusHasItsContainersOldestFirstAndATime) {
  const PodRef pod = RunPod("with-containers");
  const PodRef other = RunPod("another");
  Start(other, ContainerOf("elsewhere", "sleep 1000"));
  const std::string first = Start(pod, ContainerOf("first", "exit 3"));
  const std::string second = Start(pod, ContainerOf("second", "sleep 1000"));
  WaitForExit(first);
  const int64_t before = WallNanos();
  const auto answer = Must(cri().PodStatus(pod.id));
  EXPECT_GE(answer.timestamp(), before);
  EXPECT_LE(answer.timestamp(), WallNanos());
  ASSERT_EQ(answer.containers_statuses_size(), 2);
  EXPECT_EQ(answer.containers_statuses(0).DebugString(), StatusOf(first).DebugString());
  EXPECT_EQ(answer.containers_statuses(1).DebugString(), StatusOf(second).DebugString());
}

TEST_F(PodTest, AllAddressesOfAPodOutliveTheDaemon) {
  WriteFile(node().paths().cni_conf_dir() + "/05-dual.conflist", R"({"cniVersion": "1.0.0", "name": "dual", "plugins": [
    {"type": "bridge", "bridge": "cni1", "isGateway": true, "ipam": {"type": "host-local",
     "ranges": [[{"subnet": "10.89.0.0/24"}], [{"subnet": "fd00:89::/64"}]]}}]})");
  WaitFor("the network to be the new one", std::chrono::seconds(10),
          [&] { return Must(cri().Status(true)).info().at("cniconfig").find("dual") != std::string::npos; });
  const PodRef pod = RunPod("dual");
  const cri::PodSandboxNetworkStatus network = PodStatus(pod.id).network();
  EXPECT_THAT(network.ip(), StartsWith("10.89.0."));
  ASSERT_EQ(network.additional_ips_size(), 1);
  EXPECT_THAT(network.additional_ips(0).ip(), StartsWith("fd00:89::"));
  node().Restart();
  EXPECT_EQ(PodStatus(pod.id).network().DebugString(), network.DebugString());
  RemoveAllPods();
  e2e::Run("/sbin/ip", {"link", "delete", "cni1"});
}

TEST_F(PodTest, ListFiltersByIdPrefixStateAndLabels) {
  const PodRef one = RunPod("one");
  const PodRef two = RunPod("two");
  Must(cri().StopPod(two.id));

  cri::PodSandboxFilter by_id;
  by_id.set_id(one.id.substr(0, 12));
  EXPECT_THAT(ListedPods(by_id), ElementsAre(one.id));
  cri::PodSandboxFilter by_state;
  by_state.mutable_state()->set_state(cri::SANDBOX_NOTREADY);
  EXPECT_THAT(ListedPods(by_state), ElementsAre(two.id));
  cri::PodSandboxFilter by_label;
  (*by_label.mutable_label_selector())["app"] = "one";
  EXPECT_THAT(ListedPods(by_label), ElementsAre(one.id));
  (*by_label.mutable_label_selector())["absent"] = "";
  EXPECT_THAT(ListedPods(by_label), IsEmpty());
  cri::PodSandboxFilter of_nobody;
  of_nobody.set_id("ffff");
  EXPECT_THAT(ListedPods(of_nobody), IsEmpty());
  EXPECT_THAT(ListedPods(), SizeIs(2));
}

TEST_F(PodTest, AnIdMayBeGivenByItsPrefix) {
  const PodRef pod = RunPod("prefix");
  EXPECT_EQ(PodStatus(pod.id.substr(0, 13)).id(), pod.id);
  Must(cri().StopPod(pod.id.substr(0, 13)));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
}

TEST_F(PodTest, StopAndRemoveMayBeRepeated) {
  const PodRef pod = RunPod("again");
  Must(cri().StopPod(pod.id));
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  Must(cri().RemovePod(pod.id));
  Must(cri().StopPod(pod.id));
}

TEST_F(PodTest, StopEndsItsContainersAndRemoveRemovesThem) {
  const PodRef pod = RunPod("stop");
  const std::string running = Start(pod, ContainerOf("running", "sleep 1000"));
  const std::string created = Create(pod, ContainerOf("created", "sleep 1000"));
  Must(cri().StopPod(pod.id));
  const cri::ContainerStatus status = StatusOf(running);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 137);
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(cri().ContainerStatus(running).code(), grpc::NOT_FOUND);
  EXPECT_EQ(cri().ContainerStatus(created).code(), grpc::NOT_FOUND);
}

TEST_F(PodTest, RemoveOfAPodThatRunsStopsItFirst) {
  const PodRef pod = RunPod("forced");
  Start(pod, ContainerOf("running", "sleep 1000"));
  Must(cri().RemovePod(pod.id));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PodTest, AStoppedPodTakesNoNewContainer) {
  const PodRef pod = RunPod("stopped");
  const std::string created = Create(pod, ContainerOf("early", "true"));
  Must(cri().StopPod(pod.id));
  EXPECT_FALSE(cri().CreateContainer(pod.id, pod.config, ContainerOf("late", "true")).ok());
  EXPECT_FALSE(cri().StartContainer(created).ok());
}

TEST_F(PodTest, EachPodHasAnAddressOfItsOwnAndReachesTheOther) {
  const PodRef server = RunPod("server");
  const PodRef client = RunPod("client");
  const std::string ip = PodStatus(server.id).network().ip();
  EXPECT_NE(ip, PodStatus(client.id).network().ip());
  StartWebServer(server);
  Fetch(ip, 80);
  const std::string shell = Start(client, ContainerOf("shell", "sleep 1000"));
  EXPECT_EQ(Sh(shell, "wget -q -O - http://" + ip + "/"), "a page\n");
}

TEST_F(PodTest, TheNameOfARemovedPodIsFree) {
  const PodRef first = RunPod("name");
  Must(cri().RemovePod(first.id));
  EXPECT_NE(RunPod("name").id, first.id);
}

TEST_F(PodTest, OnTheHostNetworkItHasTheHostsInterfaces) {
  cri::PodSandboxConfig config = PodConfig("host");
  UseHostNetwork(config);
  const PodRef pod = RunPod(config);
  cri::ContainerConfig container = ContainerOf("shell", "sleep 1000");
  UseHostNetwork(container);
  const std::string shell = Start(pod, container);
  char host_namespace[64] = {};
  ASSERT_GT(readlink("/proc/self/ns/net", host_namespace, sizeof host_namespace - 1), 0);
  EXPECT_EQ(Sh(shell, "readlink /proc/self/ns/net"), std::string(host_namespace) + "\n");
  EXPECT_EQ(PodStatus(pod.id).linux().namespaces().options().network(), cri::NODE);
  EXPECT_THAT(node().Look().seen.at("IPAM lease"), IsEmpty());
}

TEST_F(PodTest, HostPortsReachThePodFromTheBridgeAndFromLoopback) {
  cri::PodSandboxConfig config = PodConfig("ports");
  cri::PortMapping* mapping = config.add_port_mappings();
  mapping->set_protocol(cri::TCP);
  mapping->set_container_port(80);
  mapping->set_host_port(18080);
  const PodRef pod = RunPod(config);
  StartWebServer(pod);
  EXPECT_THAT(Fetch(PodStatus(pod.id).network().ip(), 80), HasSubstr("a page"));
  EXPECT_THAT(Fetch("10.88.0.1", 18080), HasSubstr("a page"));
  EXPECT_THAT(Fetch("127.0.0.1", 18080), HasSubstr("a page"));
  Must(cri().StopPod(pod.id));
  EXPECT_FALSE(CanConnect("127.0.0.1", 18080));
}

TEST_F(PodTest, HostnameAndResolverAreThePodsOwn) {
  cri::PodSandboxConfig config = PodConfig("dns");
  config.set_hostname("a-host-name");
  config.mutable_dns_config()->add_servers("192.0.2.1");
  config.mutable_dns_config()->add_servers("192.0.2.2");
  config.mutable_dns_config()->add_searches("a.example");
  config.mutable_dns_config()->add_searches("b.example");
  config.mutable_dns_config()->add_options("ndots:5");
  const PodRef pod = RunPod(config);
  const std::string shell = Start(pod, ContainerOf("shell", "sleep 1000"));
  EXPECT_EQ(Sh(shell, "hostname"), "a-host-name\n");
  EXPECT_EQ(Sh(shell, "cat /etc/hostname"), "a-host-name\n");
  const std::vector<std::string> lines = Lines(Sh(shell, "cat /etc/resolv.conf"));
  EXPECT_THAT(lines, AllOf(Contains("nameserver 192.0.2.1"), Contains("nameserver 192.0.2.2"),
                           Contains("search a.example b.example"), Contains("options ndots:5")));
}

TEST_F(PodTest, WithoutDnsConfigTheResolverIsTheHosts) {
  const PodRef pod = RunPod("hostdns");
  const std::string shell = Start(pod, ContainerOf("shell", "sleep 1000"));
  EXPECT_EQ(Sh(shell, "cat /etc/resolv.conf"), ReadFile("/etc/resolv.conf"));
  cri::PodSandboxConfig empty = PodConfig("emptydns");
  empty.mutable_dns_config();
  const std::string other = Start(RunPod(empty), ContainerOf("shell", "sleep 1000"));
  EXPECT_EQ(Sh(other, "cat /etc/resolv.conf"), ReadFile("/etc/resolv.conf")) << "of a configuration that says nothing";
}

TEST_F(PodTest, ContainersShareIpcAndShmAndOtherPodsDoNot) {
  const PodRef pod = RunPod("shm");
  const PodRef other = RunPod("other");
  const std::string one = Start(pod, ContainerOf("one", "sleep 1000"));
  const std::string two = Start(pod, ContainerOf("two", "sleep 1000"));
  const std::string stranger = Start(other, ContainerOf("stranger", "sleep 1000"));
  Sh(one, "echo shared > /dev/shm/file");
  EXPECT_EQ(Sh(two, "cat /dev/shm/file"), "shared\n");
  EXPECT_EQ(Sh(stranger, "ls /dev/shm"), "");
  EXPECT_EQ(Sh(one, "readlink /proc/self/ns/ipc"), Sh(two, "readlink /proc/self/ns/ipc"));
  EXPECT_NE(Sh(one, "readlink /proc/self/ns/ipc"), Sh(stranger, "readlink /proc/self/ns/ipc"));
  EXPECT_EQ(Sh(one, "readlink /proc/self/ns/uts"), Sh(two, "readlink /proc/self/ns/uts"));
  EXPECT_NE(Sh(one, "readlink /proc/self/ns/pid"), Sh(two, "readlink /proc/self/ns/pid"));
}

TEST_F(PodTest, ProcessesAreSharedWhereThePodAsksForIt) {
  cri::PodSandboxConfig config = PodConfig("pids");
  Namespaces(config).set_pid(cri::POD);
  const PodRef pod = RunPod(config);
  std::vector<std::string> seen;
  for (const char* name : {"one", "two"}) {
    cri::ContainerConfig container = ContainerOf(name, "sleep 1000");
    Namespaces(container).set_pid(cri::POD);
    seen.push_back(Start(pod, container));
  }
  EXPECT_EQ(Sh(seen[0], "readlink /proc/self/ns/pid"), Sh(seen[1], "readlink /proc/self/ns/pid"));
  EXPECT_THAT(Sh(seen[0], "cat /proc/1/comm"), "pause\n");
}

TEST_F(PodTest, ThePauseProcessIsUnprivilegedInItsCgroup) {
  const PodRef pod = RunPod("pause");
  const pid_t pause = PidOf(pod.id);
  EXPECT_EQ(ReadFile(ProcPath(pause, "comm")), "pause\n");
  for (const std::string& line : Lines(ReadFile(ProcPath(pause, "cgroup")))) {
    if (line.find(":memory:") != std::string::npos) {
      EXPECT_THAT(line, EndsWith(node().CgroupOf(pod.id)));
    }
  }
}

}  // namespace
}  // namespace crisp::e2e
