// What the rooms have counted, as families.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <vector>

#include "images/image_counters.h"
#include "monitor/database_families.h"
#include "monitor/image_families.h"
#include "monitor/network_families.h"
#include "monitor/operation_families.h"
#include "monitor/sandbox_families.h"
#include "monitor/streaming_families.h"
#include "network/network_counters.h"
#include "os/testing/test_dir.h"
#include "sandbox/event_hub.h"
#include "sandbox/sandbox_counters.h"
#include "store/database.h"
#include "streaming/streaming_counters.h"
#include "streaming/token_table.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string Text(const std::vector<prometheus::MetricFamily>& families) {
  return "\n" + prometheus::TextSerializer().Serialize(families);
}

testing::Matcher<const std::string&> Has(const std::string& line) {
  return HasSubstr("\n" + line + "\n");
}

TEST(CounterFamiliesTest, WhatIsKnownIsThereBeforeAnythingHappens) {
  std::vector<prometheus::MetricFamily> families;
  AddSandboxFamilies(SandboxCounters(), &families);
  AddImageFamilies(ImageCounters(), &families);
  EXPECT_THAT(Text(families), AllOf(Has(R"(crisp_container_exits_total{reason="OOMKilled"} 0)"),
                                    Has(R"(crisp_image_pulls_total{result="no_space"} 0)"),
                                    Has("crisp_shim_deaths_total 0"), Has("crisp_image_pull_seconds_count 0")));
}

TEST(CounterFamiliesTest, ATimeIsAHistogramWithCumulativeBuckets) {
  NetworkCounters counters;
  PluginRuns& runs = counters.plugins.Of("bridge").commands.Of("ADD");
  runs.times.Add(milliseconds(2));
  runs.times.Add(milliseconds(40));
  runs.failures.Add();
  std::vector<prometheus::MetricFamily> families;
  AddNetworkFamilies(counters, &families);
  EXPECT_THAT(Text(families), AllOf(Has(R"(crisp_cni_seconds_count{command="ADD",plugin="bridge"} 2)"),
                                    Has(R"(crisp_cni_seconds_sum{command="ADD",plugin="bridge"} 0.042)"),
                                    Has(R"(crisp_cni_seconds_bucket{command="ADD",plugin="bridge",le="0.0025"} 1)"),
                                    Has(R"(crisp_cni_seconds_bucket{command="ADD",plugin="bridge",le="0.05"} 2)"),
                                    Has(R"(crisp_cni_seconds_bucket{command="ADD",plugin="bridge",le="+Inf"} 2)"),
                                    Has(R"(crisp_cni_failures_total{command="ADD",plugin="bridge"} 1)")));
}

TEST(CounterFamiliesTest, RequestsAreCountedByHostAndCodeAndHostsAreBounded) {
  ImageCounters counters;
  for (int i = 0; i < 60; ++i) counters.requests.Of("host-" + std::to_string(i)).codes.Of("200").Add();
  counters.requests.Of("host-1").codes.Of("none").Add();
  std::vector<prometheus::MetricFamily> families;
  AddImageFamilies(counters, &families);
  EXPECT_THAT(Text(families),
              AllOf(Has(R"(crisp_registry_requests_total{host="host-1",code="200"} 1)"),
                    Has(R"(crisp_registry_requests_total{host="host-1",code="none"} 1)"),
                    Has(R"(crisp_registry_requests_total{host="other",code="200"} 10)"), Not(HasSubstr("host-50"))));
}

TEST(CounterFamiliesTest, SessionsThatHaveEndedAreNotOpen) {
  StreamingCounters counters;
  StreamKindCounters& exec = counters.kinds[static_cast<size_t>(StreamKind::kExec)];
  const OpenSession open(&exec.sessions.Of("v5.channel.k8s.io"));
  { const OpenSession over(&exec.sessions.Of("v5.channel.k8s.io")); }
  exec.sent_bytes.Add(3);
  std::vector<prometheus::MetricFamily> families;
  AddStreamingFamilies(counters, &families);
  EXPECT_THAT(Text(families),
              AllOf(Has(R"(crisp_streaming_sessions_total{kind="exec",protocol="v5.channel.k8s.io"} 2)"),
                    Has(R"(crisp_streaming_sessions{kind="exec",protocol="v5.channel.k8s.io"} 1)"),
                    Has(R"(crisp_streaming_sent_bytes_total{kind="exec"} 3)"),
                    Has(R"(crisp_streaming_received_bytes_total{kind="portforward"} 0)")));
}

TEST(CounterFamiliesTest, OperationsInFlightAreCountedByTheStepThatEachHasReached) {
  OperationView run;
  run.operation = "RunPodSandbox";
  run.fields = {{"pod", "web-0"}};
  OperationView attaching = run;
  attaching.last_step = "create network namespace";
  SandboxCounters counters;
  counters.joined.Of("StopPodSandbox").Add();
  Counter pulls;
  std::vector<prometheus::MetricFamily> families;
  AddOperationFamilies({run, attaching, attaching}, counters.joined, pulls, &families);
  EXPECT_THAT(Text(families),
              AllOf(Has(R"(crisp_operations_in_flight{operation="RunPodSandbox",stage="begin"} 1)"),
                    Has(R"(crisp_operations_in_flight{operation="RunPodSandbox",stage="create network namespace"} 2)"),
                    Has(R"(crisp_operations_joined_total{operation="StopPodSandbox"} 1)"),
                    Has(R"(crisp_operations_joined_total{operation="PullImage"} 0)"), Not(HasSubstr("web-0"))));
}

TEST(CounterFamiliesTest, TheDatabasesFilesAndCommitsAreThere) {
  const TestDir dir;
  const auto database = Database::Open(dir.Path("crisp.db"));
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE((*database)->Run("INSERT INTO facts (name, value) VALUES ('a', 'b')").ok());
  EXPECT_FALSE((*database)->Run("INSERT INTO no_such_table (name) VALUES ('a')").ok());
  std::vector<prometheus::MetricFamily> families;
  AddDatabaseFamilies(**database, &families);
  EXPECT_THAT(Text(families),
              AllOf(Has(R"(crisp_database_transactions_total{result="ok"} 1)"),
                    Has(R"(crisp_database_transactions_total{result="error"} 1)"), Has("crisp_database_in_memory 0"),
                    HasSubstr(R"(crisp_database_bytes{file="wal"} )"),
                    Not(HasSubstr(R"(crisp_database_bytes{file="wal"} 0)"))));
}

TEST(CounterFamiliesTest, SubscribersOfEventsAreCountedAndSoAreThoseThatAreDropped) {
  EventHub hub;
  const auto slow = hub.Subscribe([] {});
  for (size_t i = 0; i <= EventQueue::kMostEvents; ++i) hub.Publish({});
  std::vector<prometheus::MetricFamily> families;
  AddEventFamilies(hub, &families);
  EXPECT_THAT(Text(families), AllOf(Has("crisp_event_subscribers 1"), Has("crisp_events_sent_total 1024"),
                                    Has("crisp_event_subscribers_dropped_total 1")));
}

}  // namespace
}  // namespace crisp
