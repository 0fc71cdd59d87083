#include "tracing/span_tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/call_context.h"
#include "base/single_flight.h"
#include "base/step_log.h"
#include "tracing/testing/kept_spans.h"

namespace crisp {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::VariantWith;

class SpanTracerTest : public testing::Test {
 protected:
  SpanTracerTest() { StepLog::SetTracer(&tracer_); }
  ~SpanTracerTest() override { StepLog::SetTracer(nullptr); }

  static TraceContext Client(bool sampled) { return {TraceId{1, 2, 3}, SpanId{4, 5}, sampled}; }
  BegunSpan Call(const TraceContext& parent) {
    return tracer_.BeginCall("runtime.v1.RuntimeService", "RunPodSandbox", parent, MonoClock::now());
  }

  KeptSpans kept_;
  SpanTracer tracer_{TraceSampler{1, true}, &kept_};
};

testing::Matcher<std::pair<std::string, std::variant<std::string, int64_t>>> Text(const std::string& name,
                                                                                  const std::string& value) {
  return Pair(name, VariantWith<std::string>(value));
}

TEST_F(SpanTracerTest, ACallIsAChildOfTheClientsSpan) {
  const BegunSpan call = Call(Client(true));
  call.span->AddField("pod", "web-0");
  call.span->End(absl::OkStatus(), MonoClock::now());
  ASSERT_THAT(kept_.all(), SizeIs(1));
  const SpanRecord span = kept_.Named("runtime.v1.RuntimeService/RunPodSandbox");
  EXPECT_EQ(span.context, call.context);
  EXPECT_EQ(span.context.trace_id, Client(true).trace_id);
  EXPECT_EQ(span.parent, Client(true).span_id);
  EXPECT_TRUE(span.remote_parent);
  EXPECT_TRUE(span.server);
  EXPECT_FALSE(span.failed);
  EXPECT_THAT(span.attributes, ElementsAre(Text("rpc.system", "grpc"), Text("rpc.service", "runtime.v1.RuntimeService"),
                                           Text("rpc.method", "RunPodSandbox"), Text("k8s.pod.name", "web-0"),
                                           Pair("rpc.grpc.status_code", VariantWith<int64_t>(0))));
}

TEST_F(SpanTracerTest, ACallOfAClientThatIsNotSampledIsNotRecordedNorWhatIsDoneForIt) {
  const BegunSpan call = Call(Client(false));
  EXPECT_EQ(call.span, nullptr);
  EXPECT_TRUE(call.context.valid());
  {
    StepLog log("RunPodSandbox", {}, MonoClock::now(), call.context);
    log.Done("step");
    log.Finish(absl::InternalError("no"));
  }
  EXPECT_THAT(kept_.all(), IsEmpty());
}

TEST_F(SpanTracerTest, ACallWithoutAParentIsTheRootOfATraceOfItsOwn) {
  const BegunSpan one = Call({});
  const BegunSpan other = Call({});
  EXPECT_TRUE(one.context.valid());
  EXPECT_NE(one.context.trace_id, other.context.trace_id);
  one.span->End(absl::OkStatus(), MonoClock::now());
  EXPECT_EQ(kept_.all()[0].parent, SpanId{});
  EXPECT_FALSE(kept_.all()[0].remote_parent);
}

TEST_F(SpanTracerTest, RootsAreRecordedByTheRatio) {
  SpanTracer some(TraceSampler{0.25, true}, &kept_);
  int recorded = 0;
  for (int i = 0; i < 4000; ++i) {
    recorded += some.BeginOperation("PullImage", {}, MonoClock::now()).span != nullptr ? 1 : 0;
  }
  EXPECT_GT(recorded, 800);
  EXPECT_LT(recorded, 1200);
}

TEST_F(SpanTracerTest, IdsAreNotUsedTwice) {
  SpanTracer other(TraceSampler{0, true}, &kept_);
  std::set<SpanId> ids;
  for (int i = 0; i < 10000; ++i) {
    ids.insert(other.BeginOperation("x", {}, MonoClock::now()).context.span_id);
  }
  EXPECT_THAT(ids, SizeIs(10000));
}

TEST_F(SpanTracerTest, OnlyFaultsOfTheServerMarkACallAsFailed) {
  Call({}).span->End(absl::NotFoundError("no such pod"), MonoClock::now());
  Call({}).span->End(absl::InternalError("disk full"), MonoClock::now());
  const std::vector<SpanRecord> spans = kept_.all();
  EXPECT_FALSE(spans[0].failed);
  EXPECT_THAT(spans[0].attributes, Contains(Pair("rpc.grpc.status_code", VariantWith<int64_t>(5))));
  EXPECT_TRUE(spans[1].failed);
  EXPECT_EQ(spans[1].error, "disk full");
}

TEST_F(SpanTracerTest, StepsAreChildrenOfTheirOperationAndItIsOneOfTheCall) {
  const BegunSpan call = Call(Client(true));
  {
    StepLog log("RunPodSandbox", {{"namespace", "default"}, {"pod", "web-0"}}, MonoClock::now(), call.context);
    log.Done("plan and record");
    log.Add("pod_id", "abc");
    log.Done("fetch", MonoClock::now(), {{"layer", "sha256:1"}});
    log.Finish(absl::InternalError("no network"));
  }
  ASSERT_THAT(kept_.all(), SizeIs(3));
  const SpanRecord operation = kept_.Named("RunPodSandbox");
  EXPECT_EQ(operation.parent, call.context.span_id);
  EXPECT_FALSE(operation.remote_parent);
  EXPECT_TRUE(operation.failed);
  EXPECT_EQ(operation.error, "no network");
  EXPECT_THAT(operation.attributes, ElementsAre(Text("k8s.namespace.name", "default"), Text("k8s.pod.name", "web-0"),
                                                Text("crisp.pod_id", "abc")));
  const SpanRecord plan = kept_.Named("plan and record");
  EXPECT_EQ(plan.parent, operation.context.span_id);
  EXPECT_EQ(plan.context.trace_id, Client(true).trace_id);
  EXPECT_GE(plan.begun, operation.begun);
  EXPECT_LE(plan.ended, operation.ended);
  EXPECT_THAT(kept_.Named("fetch").attributes, ElementsAre(Text("crisp.layer", "sha256:1")));
}

TEST_F(SpanTracerTest, PartsBelongToTheStepThatTheirThreadIsAt) {
  StepLog log("StartContainer", {});
  const CallContext call = CallContext().LoggedIn(&log);
  ASSERT_TRUE(call.IsRecorded());
  std::thread([&] { call.AddPart({"of another thread", MonoClock::now(), MonoClock::now()}); }).join();
  call.AddPart({"runtime create", MonoClock::now(), MonoClock::now(), {{"x", "1"}}});
  call.Done("have the shim start it");
  call.AddPart({"of a step that fails", MonoClock::now(), MonoClock::now()});
  log.Finish(absl::InternalError("no"));
  EXPECT_EQ(kept_.Named("runtime create").parent, kept_.Named("have the shim start it").context.span_id);
  const SpanId operation = kept_.Named("StartContainer").context.span_id;
  EXPECT_EQ(kept_.Named("of another thread").parent, operation);
  EXPECT_EQ(kept_.Named("of a step that fails").parent, operation);
}

TEST_F(SpanTracerTest, PartsOfACallWithoutAnOperationAreBelowTheCall) {
  const BegunSpan rpc = Call({});
  const CallContext call = CallContext().TracedIn(rpc.context, rpc.span.get());
  EXPECT_TRUE(call.IsRecorded());
  call.AddPart({"runtime exec", MonoClock::now(), MonoClock::now()});
  EXPECT_EQ(kept_.Named("runtime exec").parent, rpc.context.span_id);
  EXPECT_FALSE(CallContext().IsRecorded());
}

TEST_F(SpanTracerTest, WorkThatAnOperationSharesWithItselfIsNoLink) {
  {
    StepLog log("PullImage", {});
    const CallContext call = CallContext().LoggedIn(&log);
    call.LinkTo(call.trace());
    call.LinkTo(Client(true));
  }
  EXPECT_THAT(kept_.Named("PullImage").links, ElementsAre(Client(true)));
}

TEST_F(SpanTracerTest, NumbersAreNumbers) {
  StepLog log("PullImage", {});
  log.Done("manifest", MonoClock::now(), {{"http_status", "404"}});
  EXPECT_THAT(kept_.Named("manifest").attributes,
              ElementsAre(Pair("http.response.status_code", VariantWith<int64_t>(404))));
}

TEST_F(SpanTracerTest, AnOperationThatIsBegunForAnotherIsItsChild) {
  StepLog outer("RunPodSandbox", {});
  { const StepLog inner("PullImage", {}, MonoClock::now(), CallContext().LoggedIn(&outer).trace()); }
  EXPECT_EQ(kept_.Named("PullImage").parent, outer.trace().span_id);
}

TEST_F(SpanTracerTest, WorkThatGoesOnWithoutItsCallerSaysSoAndStaysInTheTrace) {
  const BegunSpan call = Call(Client(true));
  StepLog log("RunPodSandbox", {}, MonoClock::now(), call.context);
  call.span->End(absl::DeadlineExceededError("the caller's deadline has passed"), MonoClock::now());
  log.Done("run CNI ADD");
  log.FinishAbandoned(absl::OkStatus());
  const SpanRecord operation = kept_.Named("RunPodSandbox");
  EXPECT_EQ(operation.parent, call.context.span_id);
  EXPECT_GE(operation.ended, kept_.Named("runtime.v1.RuntimeService/RunPodSandbox").ended);
  EXPECT_THAT(operation.attributes, Contains(Text("crisp.caller_left", "true")));
}

TEST_F(SpanTracerTest, ACallerThatJoinsIsLinkedToTheCallAtWork) {
  const BegunSpan first = Call(Client(true));
  const BegunSpan second = Call({});
  SingleFlight<int> flights;
  std::atomic<bool> go{false};
  const auto work = [&](const SingleFlight<int>::Abandoned&) -> absl::StatusOr<int> {
    while (!go) std::this_thread::yield();
    return 7;
  };
  const CallContext do_not_wait(MonoClock::now());
  EXPECT_FALSE(flights.Do("pod", do_not_wait.TracedIn(first.context, first.span.get()), work).ok());
  EXPECT_FALSE(flights.Do("pod", do_not_wait.TracedIn(second.context, second.span.get()), work).ok());
  go = true;
  second.span->End(absl::OkStatus(), MonoClock::now());
  first.span->End(absl::OkStatus(), MonoClock::now());
  EXPECT_THAT(kept_.all()[0].links, ElementsAre(first.context));
  EXPECT_THAT(kept_.all()[1].links, IsEmpty());
}

TEST_F(SpanTracerTest, AnOperationAfterTheTracersEndIsNotTraced) {
  StepLog::SetTracer(nullptr);
  StepLog log("RunPodSandbox", {});
  log.Done("step");
  EXPECT_FALSE(log.trace().valid());
  EXPECT_FALSE(CallContext().LoggedIn(&log).IsRecorded());
}

}  // namespace
}  // namespace crisp
