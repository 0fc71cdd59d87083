#include "metrics/rpc_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const RpcName kStop = {"runtime.v1.RuntimeService", "StopContainer"};

std::string Text(const prometheus::Registry& registry) {
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

TEST(RpcMetricsTest, ACallIsCountedWhenItBeginsAndByItsCodeWhenItEnds) {
  prometheus::Registry registry;
  RpcMetrics metrics(&registry, /*histogram=*/false);
  metrics.Started(kStop);
  metrics.Started(kStop);
  metrics.Handled(kStop, absl::StatusCode::kNotFound, std::chrono::milliseconds(20));
  const std::string text = Text(registry);
  const std::string labels = R"(grpc_method="StopContainer",grpc_service="runtime.v1.RuntimeService")";
  EXPECT_THAT(
      text, AllOf(HasSubstr("grpc_server_started_total{" + labels + R"(,grpc_type="unary"} 2)"),
                  HasSubstr(R"(grpc_server_handled_total{grpc_code="NotFound",)" + labels + R"(,grpc_type="unary"} 1)"),
                  HasSubstr("crisp_rpcs_in_flight{" + labels + "} 1")));
  EXPECT_THAT(text, Not(HasSubstr("seconds")));
}

TEST(RpcMetricsTest, TheHistogramIsThereIfItIsAskedFor) {
  prometheus::Registry registry;
  RpcMetrics metrics(&registry, /*histogram=*/true);
  RpcName streamed = kStop;
  streamed.kind = RpcKind::kServerStream;
  metrics.Started(streamed);
  metrics.Handled(streamed, absl::StatusCode::kOk, std::chrono::milliseconds(20));
  const std::string text = Text(registry);
  EXPECT_THAT(text, AllOf(HasSubstr(R"(grpc_type="server_stream",le="0.01"} 0)"),
                          HasSubstr(R"(grpc_type="server_stream",le="0.025"} 1)"),
                          HasSubstr("grpc_server_handling_seconds_count{")));
}

TEST(RpcMetricsTest, CodesHaveTheNamesThatGoGivesThem) {
  EXPECT_EQ(GoCodeName(absl::StatusCode::kOk), "OK");
  EXPECT_EQ(GoCodeName(absl::StatusCode::kCancelled), "Canceled");
  EXPECT_EQ(GoCodeName(absl::StatusCode::kDeadlineExceeded), "DeadlineExceeded");
  EXPECT_EQ(GoCodeName(static_cast<absl::StatusCode>(99)), "Unknown");
}

}  // namespace
}  // namespace crisp
