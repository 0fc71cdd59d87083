#include "server/edge.h"

#include <gmock/gmock.h>
#include <grpcpp/test/server_context_test_spouse.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/cri/cri.h"
#include "base/testing/captured_log.h"
#include "base/testing/json_lines.h"
#include "base/trace_files.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "stats/testing/made_pods.h"
#include "tracing/span_tracer.h"
#include "tracing/testing/kept_spans.h"
#include "tracing/traceparent.h"

namespace crisp {
namespace {

using nlohmann::json;

// Answers what it is told to, and removes the pod from the table as a removal does.
class FakeRpcs {
 public:
  explicit FakeRpcs(PodTable* pods) : pods_(pods) {}

  absl::Status RemovePodSandbox(const cri::RemovePodSandboxRequest& request, cri::RemovePodSandboxResponse*) {
    pods_->Remove(request.pod_sandbox_id());
    return result;
  }
  absl::Status StopContainer(const cri::StopContainerRequest&, cri::StopContainerResponse*) { return result; }
  absl::Status RunPodSandbox(const cri::RunPodSandboxRequest&, cri::RunPodSandboxResponse* response) {
    response->set_pod_sandbox_id("made");
    return result;
  }
  absl::Status CreateContainer(const cri::CreateContainerRequest&, cri::CreateContainerResponse* response) {
    response->set_container_id("made");
    return result;
  }
  absl::Status PullImage(const cri::PullImageRequest&, cri::PullImageResponse*) { return result; }
  absl::Status StartContainer(const cri::StartContainerRequest&, const CallContext& call,
                              cri::StartContainerResponse*) {
    trace = call.trace();
    call.AddPart({"a part", MonoClock::now(), MonoClock::now()});
    return result;
  }

  absl::Status result;
  TraceContext trace;  // that of the last StartContainer

 private:
  PodTable* const pods_;
};

class EdgeTest : public testing::Test {
 protected:
  void SetUp() override { made_.AddContainer(made_.AddPod("p1"), "c1"); }

  // Serves the request, and returns its log line.
  template <typename Request, typename Response>
  json LineOf(absl::Status (FakeRpcs::*method)(const Request&, Response*), const Request& request,
              LogLevel level = LogLevel::kInfo) {
    const CapturedLog log({.format = LogFormat::kJson});
    const grpc::ServerContext context;
    Response response;
    code_ = edge_.Answer({"Method", level}, context, rpcs_, method, request, &response).error_code();
    const std::vector<json> lines = JsonLines(log);
    return lines.size() == 1 ? lines.front() : json(lines.size());
  }

  MadePods made_;
  FakeRpcs rpcs_{made_.table()};
  prometheus::Registry registry_;
  RpcMetrics metrics_{&registry_, /*histogram=*/false};
  Edge edge_{"runtime.v1.RuntimeService", made_.table(), {&metrics_}};
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

TEST_F(EdgeTest, ALineOfAContainerNamesItAndItsPod) {
  cri::StopContainerRequest request;
  request.set_container_id("c1");
  const json line = LineOf(&FakeRpcs::StopContainer, request);
  EXPECT_EQ(line["msg"], "Method");
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["code"], "OK");
  EXPECT_EQ(line["pod"], "pod-p1");
  EXPECT_EQ(line["pod_id"], "p1");
  EXPECT_EQ(line["container"], "container-c1");
  EXPECT_EQ(line["container_id"], "c1");
  EXPECT_FALSE(line.contains("error"));
}

TEST_F(EdgeTest, APodIsNamedAlsoWhenItsRemovalHasTakenItOutOfTheTable) {
  cri::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id("p1");
  const json line = LineOf(&FakeRpcs::RemovePodSandbox, request);
  EXPECT_EQ(line["pod"], "pod-p1");
  EXPECT_EQ(line["pod_id"], "p1");
}

TEST_F(EdgeTest, AnUnknownObjectIsNamedByTheIdOfTheRequest) {
  rpcs_.result = absl::NotFoundError("no container \"nowhere\"");
  cri::StopContainerRequest request;
  request.set_container_id("nowhere");
  const json line = LineOf(&FakeRpcs::StopContainer, request);
  EXPECT_EQ(code_, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["container_id"], "nowhere");
  EXPECT_EQ(line["error"], "no container \"nowhere\"");
  EXPECT_FALSE(line.contains("pod"));
}

TEST_F(EdgeTest, ANewPodIsNamedAndItsIdIsAddedIfItWasMade) {
  cri::RunPodSandboxRequest request;
  request.mutable_config()->mutable_metadata()->set_name("web");
  json line = LineOf(&FakeRpcs::RunPodSandbox, request);
  EXPECT_EQ(line["pod"], "web");
  EXPECT_EQ(line["pod_id"], "made");
  rpcs_.result = absl::InternalError("no");
  line = LineOf(&FakeRpcs::RunPodSandbox, request);
  EXPECT_EQ(line["pod"], "web");
  EXPECT_FALSE(line.contains("pod_id"));
}

TEST_F(EdgeTest, ANewContainerIsNamedWithItsPod) {
  cri::CreateContainerRequest request;
  request.set_pod_sandbox_id("p1");
  request.mutable_config()->mutable_metadata()->set_name("app");
  json line = LineOf(&FakeRpcs::CreateContainer, request);
  EXPECT_EQ(line["pod"], "pod-p1");
  EXPECT_EQ(line["container"], "app");
  EXPECT_EQ(line["container_id"], "made");
  request.set_pod_sandbox_id("nowhere");
  line = LineOf(&FakeRpcs::CreateContainer, request);
  EXPECT_EQ(line["pod_id"], "nowhere");
  EXPECT_EQ(line["container"], "app");
}

TEST_F(EdgeTest, AnImageIsNamedByItsReference) {
  cri::PullImageRequest request;
  request.mutable_image()->set_image("busybox:1");
  EXPECT_EQ(LineOf(&FakeRpcs::PullImage, request)["image"], "busybox:1");
}

TEST_F(EdgeTest, AReasonThatTheKubeletLooksForIsTheFirstWordAndTheCodeIsUnknown) {
  for (const std::string reason : {"RegistryUnavailable", "SignatureValidationFailed"}) {
    const std::string text = reason + ": pull a.test/x:1: all endpoints are down";
    for (const absl::StatusCode code : {absl::StatusCode::kUnavailable, absl::StatusCode::kPermissionDenied}) {
      rpcs_.result = absl::Status(code, text);
      EXPECT_EQ(LineOf(&FakeRpcs::PullImage, cri::PullImageRequest())["code"], "UNKNOWN");
      EXPECT_EQ(code_, grpc::StatusCode::UNKNOWN);
      EXPECT_EQ(ToGrpc(rpcs_.result).error_message(), text);
    }
  }
  for (const absl::Status& other : {absl::UnavailableError("pull a.test/x:1: RegistryUnavailable"),
                                    absl::NotFoundError("pull a.test/x:1: 404 Not Found")}) {
    EXPECT_EQ(ToGrpc(other).error_code(), static_cast<grpc::StatusCode>(other.code())) << other;
  }
}

TEST_F(EdgeTest, ACallThatIsDebugIsALineOnlyIfItFails) {
  EXPECT_EQ(LineOf(&FakeRpcs::StopContainer, {}, LogLevel::kDebug), json(0));
  rpcs_.result = absl::InternalError("no");
  EXPECT_EQ(LineOf(&FakeRpcs::StopContainer, {}, LogLevel::kDebug)["level"], "warning");
}

class EdgeRecordTest : public EdgeTest {
 protected:
  ~EdgeRecordTest() override { SetLogObserver(nullptr); }
  void SetUp() override {
    EdgeTest::SetUp();
    SetLogObserver(recorder_);
  }
  json Stop(Edge& edge, LogLevel level = LogLevel::kInfo) {
    cri::StopContainerRequest request;
    request.set_container_id("c1");
    const CapturedLog log({.format = LogFormat::kJson});
    const grpc::ServerContext context;
    cri::StopContainerResponse response;
    edge.Answer({"StopContainer", level}, context, rpcs_, &FakeRpcs::StopContainer, request, &response);
    const std::vector<json> lines = JsonLines(log);
    return lines.empty() ? json() : lines.back();
  }
  size_t Recorded() const {
    return recorder_->Lines([](absl::string_view) { return true; }).size();
  }

  const TestDir dir_;
  const std::shared_ptr<Recorder> recorder_ = *Recorder::InMemory(1 << 16);
  TraceFiles traces_{dir_.Path("traces"), recorder_};
  Edge recorded_edge_{"runtime.v1.RuntimeService", made_.table(), {&metrics_, nullptr, false, &traces_}};
};

TEST_F(EdgeRecordTest, AnInternalErrorNamesAFileWithWhatLedToIt) {
  LogDebug("a step", {{"pod_id", "p1"}});
  LogDebug("of others", {{"pod_id", "p2"}});
  rpcs_.result = absl::InternalError("no");
  const json line = Stop(recorded_edge_);
  const std::string path = line.at("trace");
  const std::string text = *ReadFileAt(AT_FDCWD, path, 1 << 16);
  EXPECT_THAT(text, testing::AllOf(testing::HasSubstr("a step"), testing::HasSubstr("\"trace\":\"" + path + "\""),
                                   testing::Not(testing::HasSubstr("of others"))));
  EXPECT_FALSE(Stop(recorded_edge_).contains("trace")) << "within a minute of the last";
}

TEST_F(EdgeRecordTest, OtherErrorsLeaveNoFile) {
  EXPECT_FALSE(Stop(recorded_edge_).contains("trace"));
  rpcs_.result = absl::NotFoundError("no");
  EXPECT_FALSE(Stop(recorded_edge_).contains("trace"));
  EXPECT_THAT(*ListDir(dir_.Path("traces")), testing::IsEmpty());
}

TEST_F(EdgeRecordTest, CallsThatAreDebugAreRecordedOnlyIfTheyFail) {
  EXPECT_TRUE(Stop(recorded_edge_, LogLevel::kDebug).is_null());
  EXPECT_EQ(Recorded(), 0u) << "they would displace all else";
  rpcs_.result = absl::NotFoundError("no");
  Stop(recorded_edge_, LogLevel::kDebug);
  EXPECT_EQ(Recorded(), 1u);
}

// A client that names its span.
class EdgeTraceTest : public EdgeTest {
 protected:
  static constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  static constexpr char kNotSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

  void Start(const std::vector<std::string>& traceparents) {
    grpc::ServerContext context;
    grpc::testing::ServerContextTestSpouse spouse(&context);
    for (const std::string& each : traceparents) spouse.AddClientMetadata("traceparent", each);
    cri::StartContainerRequest request;
    request.set_container_id("c1");
    cri::StartContainerResponse response;
    code_ =
        traced_.Answer({"StartContainer"}, context, rpcs_, &FakeRpcs::StartContainer, request, &response).error_code();
  }

  KeptSpans kept_;
  SpanTracer tracer_{TraceSampler{0, true}, &kept_};  // no trace of its own
  Edge traced_{"runtime.v1.RuntimeService", made_.table(), {&metrics_, &tracer_, /*log_trace_ids=*/true}};
};

TEST_F(EdgeTraceTest, ACallJoinsTheClientsTraceAndNamesItsObject) {
  rpcs_.result = absl::InternalError("no such binary");
  const CapturedLog log({.format = LogFormat::kJson});
  Start({kSampled});
  ASSERT_EQ(kept_.all().size(), 2u);
  const SpanRecord call = kept_.Named("runtime.v1.RuntimeService/StartContainer");
  EXPECT_EQ(TraceIdText(call.context), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(call.parent, ParseTraceparent(kSampled).span_id);
  EXPECT_EQ(rpcs_.trace, call.context);
  EXPECT_EQ(kept_.Named("a part").parent, call.context.span_id);
  EXPECT_TRUE(call.failed);
  const std::pair<std::string, std::variant<std::string, int64_t>> id = {"container.id", "c1"};
  EXPECT_THAT(call.attributes, testing::Contains(id));
  const json line = JsonLines(log).front();
  EXPECT_EQ(line.at("trace_id"), TraceIdText(call.context));
  EXPECT_EQ(line.at("span_id"), SpanIdText(call.context));
}

TEST_F(EdgeTraceTest, ACallThatTheClientDoesNotSampleIsPassedOnAndNotRecorded) {
  Start({kNotSampled});
  EXPECT_TRUE(kept_.all().empty());
  EXPECT_EQ(TraceIdText(rpcs_.trace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_FALSE(rpcs_.trace.sampled);
}

TEST_F(EdgeTraceTest, AClientThatNamesTwoSpansOrNoneHasNone) {
  Start({kSampled, kSampled});
  Start({});
  Start({"nonsense"});
  EXPECT_TRUE(kept_.all().empty()) << "the ratio of own traces is 0";
}

TEST_F(EdgeTest, WithoutATracerACallHasNoTrace) {
  const grpc::ServerContext context;
  cri::StartContainerResponse response;
  EXPECT_TRUE(edge_.Answer({"StartContainer"}, context, rpcs_, &FakeRpcs::StartContainer, {}, &response).ok());
  EXPECT_FALSE(rpcs_.trace.valid());
}

}  // namespace
}  // namespace crisp
