// The traces that crispd sends to a collector.
#include <map>
#include <memory>
#include <set>

#include "e2e/fixture.h"
#include "tracing/testing/test_collector.h"

namespace crisp::e2e {
namespace {

constexpr char kTrace[] = "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36";
constexpr char kClient[] = "\x10\xf0\x67\xaa\x0b\xa9\x02\xb7";
constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-10f067aa0ba902b7-01";
constexpr char kNotSampled[] = "00-5bf92f3577b34da6a3ce929d0e0e4736-10f067aa0ba902b7-00";

class TraceTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.crisp_toml = "native_exec = false\n";  // each kind of run of the OCI runtime is looked for
    options.extra_toml =
        "[plugins.'io.containerd.tracing.processor.v1.otlp']\n"
        "endpoint = '" +
        collector_.Endpoint() +
        "'\n"
        "[plugins.'io.containerd.internal.v1.tracing']\n"
        "sampling_ratio = 0.0\n"
        "service_name = 'node'\n";
    return options;
  }

  template <typename Request, typename Response>
  Response Traced(grpc::Status (Runtime::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, const std::string& traceparent = kSampled) {
    grpc::ClientContext context;
    context.AddMetadata("traceparent", traceparent);
    return Must(cri().Call(method, request, kCallTimeout, &context));
  }

  // Runs a pod with a container and a command in it, in the client's trace. Returns the container's id.
  std::string RunTraced() {
    cri::RunPodSandboxRequest run;
    *run.mutable_config() = PodConfig("pod");
    cri::CreateContainerRequest create;
    create.set_pod_sandbox_id(Traced(&Runtime::RunPodSandbox, run).pod_sandbox_id());
    *create.mutable_config() = ContainerOf("one", "sleep 1000");
    *create.mutable_sandbox_config() = run.config();
    cri::StartContainerRequest start;
    start.set_container_id(Traced(&Runtime::CreateContainer, create).container_id());
    Traced(&Runtime::StartContainer, start);
    cri::ExecSyncRequest exec;
    exec.set_container_id(start.container_id());
    exec.add_cmd("true");
    Traced(&Runtime::ExecSync, exec);
    return start.container_id();
  }

  TestCollector collector_;
};

// The names of the spans, each behind those above it: "RPC > operation > step".
std::set<std::string> Paths(const std::map<std::string, otlp::Span>& spans) {
  std::set<std::string> paths;
  for (const auto& [id, span] : spans) {
    std::string path = span.name();
    for (auto above = spans.find(span.parent_span_id()); above != spans.end();
         above = spans.find(above->second.parent_span_id())) {
      path = above->second.name() + " > " + path;
    }
    paths.insert(path);
  }
  return paths;
}

TEST_F(TraceTest, AClientsTraceHasTheCallsTheirStepsAndTheRunsOfTheRuntimeInTheShim) {
  const std::string container = RunTraced();
  cri::ListPodSandboxRequest list;
  Traced(&Runtime::ListPodSandbox, list, kNotSampled);
  Must(cri().ListPods());
  node().Terminate();  // sends what waits

  std::map<std::string, otlp::Span> spans;
  for (const otlp::Span& span : collector_.spans()) spans[span.span_id()] = span;
  const std::string rpc = "runtime.v1.RuntimeService/";
  const std::set<std::string> paths = Paths(spans);
  for (const std::string path : {"RunPodSandbox > RunPodSandbox > run CNI ADD",
                                 "RunPodSandbox > RunPodSandbox > start the pause container > OCI runtime create",
                                 "RunPodSandbox > RunPodSandbox > start the pause container > OCI runtime start",
                                 "CreateContainer > CreateContainer > mount the image",
                                 "StartContainer > StartContainer > have the shim start it > OCI runtime create",
                                 "StartContainer > StartContainer > have the shim start it > OCI runtime start",
                                 "ExecSync > OCI runtime exec"}) {
    EXPECT_THAT(paths, Contains(rpc + path));
  }
  EXPECT_THAT(paths, Not(Contains(HasSubstr("ListPodSandbox")))) << "neither asked for nor of the ratio";
  for (const auto& [id, span] : spans) {
    EXPECT_EQ(span.trace_id(), kTrace) << span.name();
    const auto above = spans.find(span.parent_span_id());
    if (above == spans.end()) {
      EXPECT_EQ(span.parent_span_id(), kClient) << span.name();
      EXPECT_EQ(span.kind(), otlp::SPAN_KIND_SERVER) << span.name();
      continue;
    }
    EXPECT_GE(span.start_time_unix_nano(), above->second.start_time_unix_nano()) << span.name();
    EXPECT_LE(span.end_time_unix_nano(), above->second.end_time_unix_nano()) << span.name();
    if (span.name() != "StartContainer") continue;
    EXPECT_EQ(AttributeOf(span, "k8s.pod.name"), "pod");
    EXPECT_EQ(AttributeOf(span, "container.id"), container);
  }
  EXPECT_EQ(AttributeOf(collector_.resources().front(), "service.name"), "node");
  node().Start();
}

}  // namespace
}  // namespace crisp::e2e
