#include "tracing/tracing_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace crisp {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Variables = std::map<std::string, std::string>;

constexpr char kEndpoint[] = "OTEL_EXPORTER_OTLP_ENDPOINT";

absl::StatusOr<std::optional<TracingOptions>> Resolve(const Variables& variables,
                                                      const TracingSettings& settings = {}) {
  return ResolveTracing(settings, [&variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TracingOptions Options(const Variables& variables, const TracingSettings& settings = {}) {
  const auto options = Resolve(variables, settings);
  EXPECT_TRUE(options.ok()) << options.status();
  return options.ok() && options->has_value() ? **options : TracingOptions();
}

std::string ErrorOf(const Variables& variables, const TracingSettings& settings = {}) {
  return std::string(Resolve(variables, settings).status().message());
}

TracingSettings File(const std::string& endpoint) {
  TracingSettings settings;
  settings.endpoint = endpoint;
  return settings;
}

TEST(TracingOptionsTest, WithoutAnEndpointTracingIsOff) {
  EXPECT_EQ(Resolve({})->has_value(), false);
  EXPECT_EQ(Resolve({{kEndpoint, ""}, {"OTEL_SERVICE_NAME", "x"}})->has_value(), false);
}

TEST(TracingOptionsTest, TheEndpointIsABaseUnlessItIsThatOfTraces) {
  EXPECT_EQ(Options({}, File("http://c:4318")).collector.url.String(), "http://c:4318/v1/traces");
  EXPECT_EQ(Options({{kEndpoint, "https://c/otlp/"}}).collector.url.String(), "https://c/otlp/v1/traces");
  EXPECT_EQ(Options({}, File("http://c:4318/v1/traces")).collector.url.String(), "http://c:4318/v1/traces");
  const std::string traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  EXPECT_EQ(Options({{traces, "http://c:4318"}, {kEndpoint, "http://d"}}).collector.url.String(), "http://c:4318/");
  EXPECT_EQ(Options({{traces, "http://c/in/"}}).collector.url.String(), "http://c/in/");
}

TEST(TracingOptionsTest, TheEnvironmentCountsMoreThanTheFile) {
  TracingSettings file = File("http://file:4318");
  file.service_name = "containerd";
  file.sampling_ratio = 0.5;
  file.protocol = "grpc";
  const TracingOptions options = Options({{kEndpoint, "http://env:4318"},
                                          {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
                                          {"OTEL_SERVICE_NAME", "node"},
                                          {"OTEL_TRACES_SAMPLER", "always_on"}},
                                         file);
  EXPECT_EQ(options.collector.url.host, "env:4318");
  EXPECT_THAT(options.resource, Contains(Pair("service.name", "node")));
  EXPECT_EQ(options.sampler, (TraceSampler{1, false}));
}

TEST(TracingOptionsTest, TheFilesNameAndRatioHoldWithoutOthers) {
  TracingSettings file = File("http://c:4318");
  EXPECT_THAT(Options({}, file).resource, Contains(Pair("service.name", "crispd")));
  EXPECT_EQ(Options({}, file).sampler, (TraceSampler{1, true}));
  file.service_name = "containerd";
  file.sampling_ratio = 0.25;
  EXPECT_THAT(Options({}, file).resource, Contains(Pair("service.name", "containerd")));
  EXPECT_EQ(Options({}, file).sampler, (TraceSampler{0.25, true}));
}

TEST(TracingOptionsTest, SamplersHaveOpenTelemetrysNames) {
  const auto sampler = [](const std::string& name, const std::string& arg) {
    return Options({{kEndpoint, "http://c"}, {"OTEL_TRACES_SAMPLER", name}, {"OTEL_TRACES_SAMPLER_ARG", arg}}).sampler;
  };
  EXPECT_EQ(sampler("always_off", "1"), (TraceSampler{0, false}));
  EXPECT_EQ(sampler("traceidratio", "0.1"), (TraceSampler{0.1, false}));
  EXPECT_EQ(sampler("traceidratio", ""), (TraceSampler{1, false}));
  EXPECT_EQ(sampler("ParentBased_TraceIdRatio", "0.1"), (TraceSampler{0.1, true}));
  EXPECT_EQ(sampler("parentbased_always_on", "0.1"), (TraceSampler{1, true}));
}

TEST(TracingOptionsTest, ItCanBeSwitchedOffByTheEnvironment) {
  EXPECT_FALSE(Resolve({{"OTEL_SDK_DISABLED", "true"}}, File("http://c"))->has_value());
  EXPECT_FALSE(Resolve({{"OTEL_TRACES_EXPORTER", "none"}}, File("http://c"))->has_value());
  EXPECT_TRUE(
      Resolve({{"OTEL_SDK_DISABLED", "false"}, {"OTEL_TRACES_EXPORTER", "otlp"}}, File("http://c"))->has_value());
}

TEST(TracingOptionsTest, HeadersAndFilesOfTheTracesExporterComeFirst) {
  const CollectorOptions options = Options({{kEndpoint, "https://c"},
                                            {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                                            {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20x, b=2"},
                                            {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"},
                                            {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"},
                                            {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/me.pem"},
                                            {"OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key.pem"}})
                                       .collector;
  EXPECT_THAT(options.headers, ElementsAre("authorization: Bearer x", "b: 2"));
  EXPECT_EQ(options.timeout.count(), 2500);
  EXPECT_EQ(options.ca_file + options.client_certificate + options.client_key, "/ca.pem/me.pem/key.pem");
}

TEST(TracingOptionsTest, TheResourceHasWhatTheEnvironmentAdds) {
  const TracingOptions options =
      Options({{kEndpoint, "http://c"}, {"OTEL_RESOURCE_ATTRIBUTES", "k8s.node.name=n%2C1,service.name=other"}});
  EXPECT_THAT(options.resource, Contains(Pair("k8s.node.name", "n,1")));
  EXPECT_THAT(options.resource, Contains(Pair("service.name", "other")));
  EXPECT_THAT(options.resource, Contains(Pair("service.version", CRISP_VERSION)));
}

TEST(TracingOptionsTest, BatchesAreBoundedByTheQueue) {
  const TracingOptions options =
      Options({{kEndpoint, "http://c"}, {"OTEL_BSP_SCHEDULE_DELAY", "100"}, {"OTEL_BSP_MAX_QUEUE_SIZE", "64"}});
  EXPECT_EQ(options.delay.count(), 100);
  EXPECT_EQ(options.queue_size, 64u);
  EXPECT_EQ(options.batch_size, 64u);
}

TEST(TracingOptionsTest, AnErrorNamesWhatIsWrongAndWhatToWrite) {
  TracingSettings grpc = File("http://c:4317");
  grpc.protocol = "grpc";
  EXPECT_THAT(ErrorOf({}, grpc), HasSubstr("protocol of plugins.\"io.containerd.tracing.processor.v1.otlp\": crisp "
                                           "sends traces by OTLP over HTTP only, not by \"grpc\"; write"));
  EXPECT_THAT(ErrorOf({{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"}}, File("http://c")),
              HasSubstr("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: crisp sends"));
  EXPECT_THAT(ErrorOf({}, File("localhost:4318")), HasSubstr("; write http://HOST:4318"));
  EXPECT_THAT(ErrorOf({{"OTEL_SDK_DISABLED", "yes"}}), HasSubstr("OTEL_SDK_DISABLED: write true or false"));
  EXPECT_THAT(ErrorOf({{"OTEL_TRACES_EXPORTER", "zipkin"}}), HasSubstr("OTEL_TRACES_EXPORTER: write otlp"));
  const auto with = [](const std::string& name, const std::string& value) {
    return ErrorOf({{kEndpoint, "http://c"}, {name, value}});
  };
  EXPECT_THAT(with("OTEL_TRACES_SAMPLER", "jaeger_remote"), HasSubstr("OTEL_TRACES_SAMPLER: write always_on"));
  EXPECT_THAT(
      ErrorOf({{kEndpoint, "http://c"}, {"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}}),
      HasSubstr("OTEL_TRACES_SAMPLER_ARG: write a number from 0 to 1"));
  EXPECT_THAT(with("OTEL_EXPORTER_OTLP_TIMEOUT", "0"), HasSubstr("OTEL_EXPORTER_OTLP_TIMEOUT: write a whole number"));
  EXPECT_THAT(with("OTEL_EXPORTER_OTLP_HEADERS", "secret"), HasSubstr("OTEL_EXPORTER_OTLP_HEADERS: write NAME=VALUE"));
  EXPECT_THAT(with("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0aHost: x"), HasSubstr("control character"));
  TracingSettings ratio = File("http://c");
  ratio.sampling_ratio = 1.5;
  EXPECT_THAT(ErrorOf({}, ratio), HasSubstr("sampling_ratio of plugins"));
}

}  // namespace
}  // namespace crisp
