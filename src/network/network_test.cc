// The real plugins (bridge, host-local, portmap) in a namespace of the test.
#include "network/network.h"

#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_join.h"
#include "base/json.h"
#include "network/test_world.h"

namespace crisp {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

const CallContext kCall = CallContext::WithTimeout(seconds(60));

class NetworkTest : public TestWorld {
 protected:
  // Network `pods` with host ports, and what is left after a first pod has come and gone: the chains that portmap makes
  // once and keeps.
  void StartBridge() {
    WriteConf("10-pods.conflist", List("pods", Bridge("cni0", 88) + "," + Portmap()));
    StartNetwork();
    const PodNetworkRequest pod = NewPod("first", {{"tcp", 80, 8001, ""}});
    CniAttachment attachment = *network_->Plan(pod);
    const auto addresses = network_->Attach(&attachment, kCall);
    ASSERT_TRUE(addresses.ok()) << addresses.status();
    ASSERT_TRUE(network_->Detach(attachment, kCall).ok());
    baseline_ = Traces();
    for (const std::string& trace : baseline_) {
      EXPECT_THAT(trace, testing::Not(testing::AnyOf(HasSubstr("veth"), HasSubstr("lease"), HasSubstr("CNI-DN-"),
                                                     HasSubstr("10.88.0"), HasSubstr("first"))));
    }
  }

  std::set<std::string> baseline_;
};

TEST_F(NetworkTest, APodIsReachedAtItsAddressAndAtItsHostPortAndNothingStays) {
  StartBridge();
  const PodNetworkRequest pod = NewPod("pod1", {{"tcp", 80, 8080, ""}});
  CniAttachment attachment = *network_->Plan(pod);
  const auto addresses = network_->Attach(&attachment, kCall);
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_TRUE(absl::StartsWith(addresses->ip, "10.88.0.")) << addresses->ip;
  EXPECT_TRUE(addresses->additional_ips.empty());
  EXPECT_EQ(*Netlink::OpenIn(pod.netns_path)->Addresses("eth0"), std::vector<std::string>{addresses->ip});

  const Fd listener = ListenIn(pod.netns_path, 80);
  EXPECT_TRUE(CanConnect(addresses->ip, 80));
  EXPECT_TRUE(CanConnect("127.0.0.1", 8080));
  EXPECT_TRUE(CanConnect("10.88.0.1", 8080)) << "an address of the host";
  EXPECT_FALSE(CanConnect("127.0.0.1", 8081));
  const std::string traces = absl::StrJoin(Traces(), "\n");
  EXPECT_THAT(traces, testing::AllOf(HasSubstr("link veth"), HasSubstr("lease pods/" + addresses->ip),
                                     HasSubstr("--to-destination " + addresses->ip + ":80"), HasSubstr("MASQUERADE")));

  const absl::Status detached = network_->Detach(attachment, kCall);
  EXPECT_TRUE(detached.ok()) << detached;
  EXPECT_EQ(Traces(), baseline_);
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok()) << "done before";
}

TEST_F(NetworkTest, LoopbackInThePodIsUp) {
  StartBridge();
  const PodNetworkRequest pod = NewPod("pod1");
  CniAttachment attachment = *network_->Plan(pod);
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  const Fd listener = ListenIn(pod.netns_path, 80);
  EXPECT_TRUE(RunInNetns(pod.netns_path, [] {
                EXPECT_TRUE(CanConnect("127.0.0.1", 80));
                return absl::OkStatus();
              }).ok());
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
}

TEST_F(NetworkTest, TwoPodsHaveTheirOwnAddressesAndGoOneByOne) {
  StartBridge();
  CniAttachment one = *network_->Plan(NewPod("pod1", {{"tcp", 80, 8080, ""}}));
  CniAttachment two = *network_->Plan(NewPod("pod2", {{"tcp", 80, 8081, ""}}));
  const auto first = network_->Attach(&one, kCall);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::set<std::string> with_one = Traces();
  const auto second = network_->Attach(&two, kCall);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(first->ip, second->ip);
  EXPECT_TRUE(network_->Detach(two, kCall).ok());
  EXPECT_EQ(Traces(), with_one);
  EXPECT_TRUE(network_->Detach(one, kCall).ok());
  EXPECT_EQ(Traces(), baseline_);
}

TEST_F(NetworkTest, ManyPodsAtOnceComeAndGo) {
  StartBridge();
  std::vector<CniAttachment> attachments;
  for (int i = 0; i < 8; ++i) {
    attachments.push_back(*network_->Plan(NewPod(absl::StrCat("pod", i), {{"tcp", 80, 9000 + i, ""}})));
  }
  const auto at_once = [&](auto work) {
    std::vector<std::thread> threads;
    for (CniAttachment& attachment : attachments) {
      threads.emplace_back([&, work] {
        const absl::Status status = work(attachment);
        EXPECT_TRUE(status.ok()) << status;
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  at_once([&](CniAttachment& attachment) { return network_->Attach(&attachment, kCall).status(); });
  const Fd listener = ListenIn("/run/netns/pod7", 80);
  EXPECT_TRUE(CanConnect("127.0.0.1", 9007));
  at_once([&](CniAttachment& attachment) { return network_->Detach(attachment, kCall); });
  EXPECT_EQ(Traces(), baseline_);
}

TEST_F(NetworkTest, WithoutTheResultDetachStillLeavesNothing) {
  StartBridge();
  const PodNetworkRequest pod = NewPod("pod1", {{"tcp", 80, 8080, ""}, {"udp", 53, 5353, "127.0.0.1"}});
  const CniAttachment planned = *network_->Plan(pod);
  CniAttachment attachment = planned;
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  // The daemon was killed after ADD and before it could record the result.
  const absl::Status detached = network_->Detach(planned, kCall);
  EXPECT_TRUE(detached.ok()) << detached;
  EXPECT_EQ(Traces(), baseline_);
}

TEST_F(NetworkTest, AUdpClientThatGoesOnDoesNotReachTheAddressOfAPodThatIsGone) {
  StartBridge();
  const PodNetworkRequest pod = NewPod("pod1", {{"udp", 53, 5353, ""}});
  CniAttachment attachment = *network_->Plan(pod);
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  const Fd server = UdpServerIn(pod.netns_path, 53);
  const Fd client = UdpClient("10.88.0.1", 5353);
  ASSERT_TRUE(Reaches(client, server));
  ASSERT_TRUE(network_->Detach(attachment, kCall).ok());
  // As a pod in the node's network that takes the port.
  const Fd on_node = UdpServer(5353);
  EXPECT_TRUE(Reaches(client, on_node));
}

TEST_F(NetworkTest, AUdpClientThatGoesOnReachesThePodThatTakesThePort) {
  StartBridge();
  const Fd on_node = UdpServer(5353);
  const Fd client = UdpClient("10.88.0.1", 5353);
  ASSERT_TRUE(Reaches(client, on_node));
  const PodNetworkRequest pod = NewPod("pod1", {{"udp", 53, 5353, ""}});
  CniAttachment attachment = *network_->Plan(pod);
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  const Fd server = UdpServerIn(pod.netns_path, 53);
  EXPECT_TRUE(Reaches(client, server)) << "portmap's ADD has deleted the flow to the node";
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
}

TEST_F(NetworkTest, WithoutTheResultUdpClientsAreForgottenToo) {
  StartBridge();
  const PodNetworkRequest pod = NewPod("pod1", {{"udp", 53, 5353, ""}});
  const CniAttachment planned = *network_->Plan(pod);
  CniAttachment attachment = planned;
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  const Fd server = UdpServerIn(pod.netns_path, 53);
  const Fd client = UdpClient("10.88.0.1", 5353);
  ASSERT_TRUE(Reaches(client, server));
  ASSERT_TRUE(network_->Detach(planned, kCall).ok());
  const Fd on_node = UdpServer(5353);
  EXPECT_TRUE(Reaches(client, on_node));
}

TEST_F(NetworkTest, DetachOfWhatWasOnlyPlannedIsOk) {
  StartBridge();
  const CniAttachment planned = *network_->Plan(NewPod("pod1", {{"tcp", 80, 8080, ""}}));
  const absl::Status detached = network_->Detach(planned, kCall);
  EXPECT_TRUE(detached.ok()) << detached;
  EXPECT_TRUE(network_->Detach(CniAttachment(), kCall).ok()) << "nothing was planned";
  EXPECT_EQ(Traces(), baseline_);
}

TEST_F(NetworkTest, ANamespaceThatIsGoneDoesNotStopDetach) {
  StartBridge();
  const PodNetworkRequest pod = NewPod("pod1", {{"tcp", 80, 8080, ""}});
  CniAttachment attachment = *network_->Plan(pod);
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  ASSERT_TRUE(RemoveNetns(pod.netns_path).ok());
  // As after a reboot, or a kill between the two steps of CreateNetns: no file, or one that pins nothing.
  const absl::Status detached = network_->Detach(attachment, kCall);
  EXPECT_TRUE(detached.ok()) << detached;
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, pod.netns_path, "", 0600).ok());
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
  for (const std::string& trace : Traces()) {
    EXPECT_THAT(trace, testing::Not(testing::AnyOf(HasSubstr("lease"), HasSubstr("CNI-DN-"))));
  }
}

TEST_F(NetworkTest, DetachUsesTheConfigurationOfThePlan) {
  StartBridge();
  CniAttachment attachment = *network_->Plan(NewPod("pod1", {{"tcp", 80, 8080, ""}}));
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  ASSERT_EQ(unlink((options_.conf_dir.path + "/10-pods.conflist").c_str()), 0);
  WriteConf("10-other.conflist", List("other", Bridge("cni9", 99)));
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
  EXPECT_EQ(Traces(), baseline_);
}

TEST_F(NetworkTest, AnotherDaemonDetachesAfterAChangeOfBinDir) {
  StartBridge();
  CniAttachment attachment = *network_->Plan(NewPod("pod1", {{"tcp", 80, 8080, ""}}));
  ASSERT_TRUE(network_->Attach(&attachment, kCall).ok());
  options_.bin_dirs = {dir_ + "/empty"};
  StartNetwork();
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
  EXPECT_EQ(Traces(), baseline_);
}

TEST_F(NetworkTest, APodHasAsManyNetworksAsAreAllowed) {
  WriteConf("10-pods.conflist", List("pods", Bridge("cni0", 88) + "," + Portmap()));
  WriteConf("20-storage.conflist", List("storage", Bridge("cni1", 89)));
  options_.conf_dir.max_conf_num = 0;
  StartNetwork();
  const PodNetworkRequest pod = NewPod("pod1", {{"tcp", 80, 8080, ""}});
  CniAttachment attachment = *network_->Plan(pod);
  const auto addresses = network_->Attach(&attachment, kCall);
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_TRUE(absl::StartsWith(addresses->ip, "10.88.0.")) << addresses->ip;
  EXPECT_TRUE(addresses->additional_ips.empty()) << "eth1 is not Kubernetes' business";
  Netlink netlink = *Netlink::OpenIn(pod.netns_path);
  ASSERT_EQ(netlink.Addresses("eth1")->size(), 1u);
  EXPECT_TRUE(absl::StartsWith(netlink.Addresses("eth1")->front(), "10.89.0."));
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
  for (const std::string& trace : Traces()) {
    EXPECT_THAT(trace, testing::Not(testing::AnyOf(HasSubstr("veth"), HasSubstr("lease"), HasSubstr("CNI-DN-"))));
  }

  options_.conf_dir.max_conf_num = 1;
  StartNetwork();
  CniAttachment one = *network_->Plan(NewPod("pod2"));
  ASSERT_TRUE(network_->Attach(&one, kCall).ok());
  EXPECT_FALSE(Netlink::OpenIn("/run/netns/pod2")->Addresses("eth1").ok());
  EXPECT_TRUE(network_->Detach(one, kCall).ok());
}

TEST_F(NetworkTest, AnOlderVersionOfTheSpecWorksToo) {
  const std::string plugins = Bridge("cni0", 88) + "," + Portmap();
  for (const std::string version : {"0.3.0", "0.3.1", "0.4.0"}) {
    WriteConf("10-pods.conflist",
              absl::StrCat(R"({"cniVersion":")", version, R"(","name":"pods","plugins":[)", plugins, "]}"));
    StartNetwork();
    const PodNetworkRequest pod = NewPod("pod-" + version, {{"tcp", 80, 8080, ""}});
    CniAttachment attachment = *network_->Plan(pod);
    const auto addresses = network_->Attach(&attachment, kCall);
    ASSERT_TRUE(addresses.ok()) << version << ": " << addresses.status();
    const Fd listener = ListenIn(pod.netns_path, 80);
    EXPECT_TRUE(CanConnect("127.0.0.1", 8080)) << version;
    const absl::Status detached = network_->Detach(attachment, kCall);
    EXPECT_TRUE(detached.ok()) << version << ": " << detached;
    for (const std::string& trace : Traces()) {
      EXPECT_THAT(trace, testing::Not(testing::AnyOf(HasSubstr("veth"), HasSubstr("lease"), HasSubstr("CNI-DN-"))));
    }
  }
}

TEST_F(NetworkTest, ASingleConfIsAListOfOne) {
  std::string conf = Bridge("cni0", 88);
  conf.insert(1, R"("cniVersion":"1.0.0","name":"pods",)");
  WriteConf("10-pods.conf", conf);
  StartNetwork();
  CniAttachment attachment = *network_->Plan(NewPod("pod1"));
  const auto addresses = network_->Attach(&attachment, kCall);
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_TRUE(network_->Detach(attachment, kCall).ok());
}

}  // namespace
}  // namespace crisp
