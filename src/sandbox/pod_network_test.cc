#include "sandbox/pod_network.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "api/cri/cri.h"
#include "base/testing/captured_log.h"
#include "network/network.h"
#include "os/file.h"
#include "os/netns.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"
#include "sandbox/network_garbage.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"
#include "sandbox/records.h"
#include "store/database.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Keeps what it is asked, and fails if it is told to.
class RecordingNetwork : public Network {
 public:
  absl::StatusOr<Commit> Prepare(CniOptions) override {
    return Commit([] {});
  }
  absl::Status Ready() override { return absl::OkStatus(); }
  absl::Status SetPodCidrs(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) override {
    requests.push_back(request);
    return CniAttachment{"the plan", ""};
  }
  absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const CallContext&) override {
    attachment->result = "half a result of " + attachment->plan;
    if (!failure.ok()) return failure;
    return PodAddresses{"192.0.2.1", {"2001:db8::1", "2001:db8::2"}};
  }
  absl::Status Detach(const CniAttachment& attachment, const CallContext&) override {
    detached.push_back(attachment.plan + ", " + attachment.result);
    return failure;
  }
  absl::StatusOr<std::vector<PluginCheck>> Check(const CniAttachment&, const CallContext&) override {
    return std::vector<PluginCheck>();
  }
  absl::Status CollectGarbage(absl::FunctionRef<std::vector<std::string>()> valid, const CallContext&) override {
    collected.push_back(absl::StrJoin(valid(), ","));
    return collection_failure;
  }
  bool PluginsInstalled(const CniAttachment&) override { return installed; }
  std::string Describe() override { return "{}"; }
  const NetworkCounters& counters() const override { return counters_; }

  bool installed = true;
  absl::Status collection_failure;
  std::vector<std::string> collected;  // the valid plans at each GC
  absl::Status failure;
  std::vector<PodNetworkRequest> requests;
  std::vector<std::string> detached;

 private:
  NetworkCounters counters_;
};

class PodNetworkTest : public testing::Test {
 protected:
  PodRecord Record() const {
    PodRecord record;
    record.set_id("p");
    cri::PodSandboxMetadata& name = *record.mutable_config()->mutable_metadata();
    name.set_name("web");
    name.set_namespace_("shop");
    name.set_uid("uid");
    return record;
  }
  static cri::PortMapping& AddPort(PodRecord* record, cri::Protocol protocol, int inside, int outside) {
    cri::PortMapping& port = *record->mutable_config()->add_port_mappings();
    port.set_protocol(protocol);
    port.set_container_port(inside);
    port.set_host_port(outside);
    return port;
  }

  const TestDir dir_;
  const Layout layout_{dir_.Path("root"), dir_.Path("state"), true};
  RecordingNetwork network_;
  const std::unique_ptr<Database> database_ = *Database::Open(dir_.Path("crisp.db"));
  Records records_{database_.get(), layout_};
  PodTable table_;
  NetworkGarbage garbage_{&table_, &records_, &network_};
  const PodNetwork pods_{layout_, &network_, &garbage_};
};

TEST_F(PodNetworkTest, ThePlanNamesThePodAndIsPartOfTheRecord) {
  PodRecord record = Record();
  record.set_runtime_handler("vm");
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  EXPECT_EQ(record.netns_path(), layout_.Netns("p"));
  EXPECT_EQ(record.cni_plan(), "the plan");
  ASSERT_EQ(network_.requests.size(), 1u);
  const PodNetworkRequest& request = network_.requests[0];
  EXPECT_EQ(request.pod_id, "p");
  EXPECT_EQ(request.name, "web");
  EXPECT_EQ(request.namespace_name, "shop");
  EXPECT_EQ(request.uid, "uid");
  EXPECT_EQ(request.netns_path, layout_.Netns("p"));
  EXPECT_EQ(request.handler, "vm");
}

TEST_F(PodNetworkTest, PluginsAreToldOfDnsCgroupAndAnnotations) {
  PodRecord record = Record();
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  EXPECT_FALSE(network_.requests.at(0).dns.has_value());
  EXPECT_EQ(network_.requests.at(0).cgroup_parent, "");

  cri::PodSandboxConfig& config = *record.mutable_config();
  config.mutable_dns_config()->add_servers("10.96.0.10");
  config.mutable_dns_config()->add_searches("svc.cluster.local");
  config.mutable_dns_config()->add_options("ndots:5");
  config.mutable_linux()->set_cgroup_parent("/kubepods/pod1");
  (*config.mutable_annotations())["a"] = "b";
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  const PodNetworkRequest& request = network_.requests.at(1);
  EXPECT_THAT(request.dns->servers, ElementsAre("10.96.0.10"));
  EXPECT_THAT(request.dns->searches, ElementsAre("svc.cluster.local"));
  EXPECT_THAT(request.dns->options, ElementsAre("ndots:5"));
  EXPECT_EQ(request.cgroup_parent, "/kubepods/pod1");
  EXPECT_THAT(request.annotations, ElementsAre(std::pair<const std::string, std::string>("a", "b")));
}

TEST_F(PodNetworkTest, PluginsAreToldOfPortsOfTheHostOnly) {
  PodRecord record = Record();
  AddPort(&record, cri::TCP, 80, 8080).set_host_ip("192.0.2.7");
  AddPort(&record, cri::UDP, 53, 5353);
  AddPort(&record, cri::SCTP, 90, 9090);
  AddPort(&record, cri::TCP, 443, 0);  // a port of the pod's only
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  std::vector<std::string> told;
  for (const PortMap& port : network_.requests.at(0).ports) {
    told.push_back(port.protocol + " " + std::to_string(port.container_port) + " " + std::to_string(port.host_port) +
                   " " + port.host_ip);
  }
  EXPECT_THAT(told, ElementsAre("tcp 80 8080 192.0.2.7", "udp 53 5353 ", "sctp 90 9090 "));
}

TEST_F(PodNetworkTest, APodInTheNodesNetworkHasNoneOfItsOwn) {
  PodRecord record = Record();
  record.mutable_config()->mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  EXPECT_EQ(record.netns_path(), "");
  EXPECT_TRUE(network_.requests.empty());
  EXPECT_EQ(pods_.Detach(record, CallContext()), absl::OkStatus());
  EXPECT_TRUE(network_.detached.empty());
}

TEST_F(PodNetworkTest, ABandwidthThatIsNoneIsRefusedBeforeThePluginsAreAsked) {
  PodRecord record = Record();
  (*record.mutable_config()->mutable_annotations())["kubernetes.io/ingress-bandwidth"] = "much";
  EXPECT_EQ(pods_.Plan(&record).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(network_.requests.empty());
}

TEST_F(PodNetworkTest, TheRecordGetsTheAddressesAndTheResult) {
  PodRecord record = Record();
  record.set_cni_plan("the plan");
  Pod pod(record, OciRuntime(), nullptr);
  ASSERT_EQ(pods_.Attach(&pod, CallContext()), absl::OkStatus());
  EXPECT_EQ(pod.record().ip(), "192.0.2.1");
  EXPECT_THAT(pod.record().additional_ips(), ElementsAre("2001:db8::1", "2001:db8::2"));
  EXPECT_EQ(pod.record().cni_result(), "half a result of the plan");
}

TEST_F(PodNetworkTest, AFailedAttachLeavesInTheRecordWhatDetachNeeds) {
  PodRecord record = Record();
  record.set_cni_plan("the plan");
  record.set_netns_path(layout_.Netns("p"));
  Pod pod(record, OciRuntime(), nullptr);
  network_.failure = absl::InternalError("plugin bridge: no such device");
  const absl::Status failed = pods_.Attach(&pod, CallContext());
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("set up network: plugin bridge: no such device"));
  EXPECT_EQ(pod.record().ip(), "");
  network_.failure = absl::OkStatus();
  EXPECT_EQ(pods_.Detach(pod.record(), CallContext()), absl::OkStatus());
  EXPECT_THAT(network_.detached, ElementsAre("the plan, half a result of the plan"));
}

TEST_F(PodNetworkTest, APluginThatIsNotInstalledAnyMoreIsGivenUpAfterManyCalls) {
  PodRecord record = Record();
  record.set_cni_plan("the plan");
  record.set_netns_path(layout_.Netns("p"));
  network_.failure = absl::InternalError("no program bridge");
  const PodNetwork impatient(layout_, &network_, &garbage_, {.calls = 3, .time = {}});
  const PodNetwork patient(layout_, &network_, &garbage_, {.calls = 3, .time = std::chrono::hours(1)});
  for (int i = 0; i < 5; ++i) {
    EXPECT_NE(impatient.Detach(record, CallContext()), absl::OkStatus()) << "the plugin fails, it is not gone";
  }
  network_.installed = false;
  const CapturedLog log;
  for (int i = 0; i < 5; ++i) EXPECT_NE(patient.Detach(record, CallContext()), absl::OkStatus()) << "too early";
  for (int i = 0; i < 2; ++i) EXPECT_NE(impatient.Detach(record, CallContext()), absl::OkStatus());
  EXPECT_EQ(log.Text(), "");
  EXPECT_EQ(impatient.Detach(record, CallContext()), absl::OkStatus());
  EXPECT_THAT(log.Text(), AllOf(HasSubstr("given up"), HasSubstr("pod_id=p"), HasSubstr("no program bridge")));
}

// The pod's own plan is the only one with a namespace.
TEST_F(PodNetworkTest, WhatAPluginHoldsForAPodThatWasGivenUpIsCollectedBeforeTheNextPodIsAttached) {
  PodRecord given_up = Record();
  given_up.set_cni_plan("given up");
  given_up.set_netns_path(layout_.Netns("p"));
  PodRecord next = Record();
  next.set_id("q");
  next.set_cni_plan("next");
  next.set_netns_path(dir_.Path("a file in place of a namespace"));
  ASSERT_EQ(WriteFileAt(AT_FDCWD, next.netns_path(), "", 0600), absl::OkStatus());
  table_.Add(std::make_shared<Pod>(given_up, OciRuntime(), nullptr));
  const auto pod = std::make_shared<Pod>(next, OciRuntime(), nullptr);
  table_.Add(pod);
  ASSERT_EQ(pods_.Attach(pod.get(), CallContext()), absl::OkStatus());
  EXPECT_THAT(network_.collected, ElementsAre()) << "nothing was given up";

  network_.installed = false;
  network_.failure = absl::InternalError("no program bridge");
  const PodNetwork impatient(layout_, &network_, &garbage_, {.calls = 1, .time = {}});
  ASSERT_EQ(impatient.Detach(given_up, CallContext()), absl::OkStatus());
  network_.failure = absl::OkStatus();
  network_.collection_failure = absl::InternalError("no program bridge yet");
  ASSERT_EQ(pods_.Attach(pod.get(), CallContext()), absl::OkStatus());
  ASSERT_EQ(pods_.Attach(pod.get(), CallContext()), absl::OkStatus());
  EXPECT_THAT(network_.collected, ElementsAre("next")) << "the second Attach came too soon for another try";

  network_.collection_failure = absl::OkStatus();
  NetworkGarbage of_next_daemon(&table_, &records_, &network_);
  of_next_daemon.Collect(CallContext());
  of_next_daemon.Collect(CallContext());
  EXPECT_THAT(network_.collected, ElementsAre("next", "next")) << "the second one had nothing to do";
  NetworkGarbage of_a_third(&table_, &records_, &network_);
  of_a_third.Collect(CallContext());
  EXPECT_EQ(network_.collected.size(), 2u);
}

TEST_F(PodNetworkTest, TheNamespaceStaysUntilThePluginsHaveReleasedWhatTheyHoldInIt) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  EnterMountNamespace();
  PodRecord record = Record();
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  ASSERT_EQ(pods_.CreateNamespace(record), absl::OkStatus());
  EXPECT_TRUE(IsNetns(record.netns_path()));
  const absl::Status again = pods_.CreateNamespace(record);
  EXPECT_THAT(std::string(again.message()), HasSubstr("create network namespace"));
  network_.failure = absl::InternalError("busy");
  EXPECT_THAT(std::string(pods_.Detach(record, CallContext()).message()), HasSubstr("take down network: busy"));
  EXPECT_TRUE(IsNetns(record.netns_path()));
  network_.failure = absl::OkStatus();
  EXPECT_EQ(pods_.Detach(record, CallContext()), absl::OkStatus());
  EXPECT_FALSE(IsNetns(record.netns_path()));
  EXPECT_EQ(pods_.Detach(record, CallContext()), absl::OkStatus()) << "it was done before";
}

TEST_F(PodNetworkTest, TheNodesOwnNamespaceIsNotTakenForThatOfAPauseContainer) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  EnterMountNamespace();
  PodRecord record = Record();
  ASSERT_EQ(pods_.Plan(&record), absl::OkStatus());
  record.set_pause_pid(getpid());
  EXPECT_FALSE(pods_.PinNamespaceOfPause(Pod(record, OciRuntime(), nullptr)).ok());
  EXPECT_FALSE(IsNetns(record.netns_path()));
}

}  // namespace
}  // namespace crisp
