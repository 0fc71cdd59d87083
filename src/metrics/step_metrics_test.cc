#include "metrics/step_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/testing/captured_log.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StepMetricsTest : public testing::Test {
 protected:
  std::string Text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  const CapturedLog log_;
  prometheus::Registry registry_;
  StepMetrics metrics_{&registry_};
};

TEST_F(StepMetricsTest, StepsAndEndsOfOperationsAreCounted) {
  StepLog run("RunPodSandbox", {{"pod", "web-0"}}, MonoClock::now() - std::chrono::milliseconds(400));
  run.Done("run CNI ADD", MonoClock::now() - std::chrono::milliseconds(70));
  run.Finish(absl::OkStatus());
  run.Finish(absl::InternalError("only the first counts"));
  StepLog("RunPodSandbox", {}).FinishAbandoned(absl::InternalError("no network"));
  EXPECT_THAT(
      Text(),
      AllOf(
          HasSubstr(R"(crisp_operation_step_seconds_bucket{operation="RunPodSandbox",step="run CNI ADD",le="0.05"} 0)"),
          HasSubstr(R"(crisp_operation_step_seconds_bucket{operation="RunPodSandbox",step="run CNI ADD",le="0.1"} 1)"),
          HasSubstr(R"(crisp_operation_seconds_bucket{operation="RunPodSandbox",result="ok",le="0.25"} 0)"),
          HasSubstr(R"(crisp_operation_seconds_count{operation="RunPodSandbox",result="ok"} 1)"),
          HasSubstr(R"(crisp_operation_seconds_count{operation="RunPodSandbox",result="error"} 1)"),
          Not(HasSubstr("web-0"))));
}

}  // namespace
}  // namespace crisp
