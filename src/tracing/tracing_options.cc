#include "tracing/tracing_options.h"

#include <unistd.h>

#include <climits>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace crisp {
namespace {

constexpr char kTracesPath[] = "/v1/traces";
constexpr char kEndpointKey[] = "endpoint of plugins.\"io.containerd.tracing.processor.v1.otlp\"";
constexpr char kProtocolKey[] = "protocol of plugins.\"io.containerd.tracing.processor.v1.otlp\"";
constexpr char kRatioKey[] = "sampling_ratio of plugins.\"io.containerd.internal.v1.tracing\"";

absl::Status Bad(absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", what));
}

// A value, and what sets it.
struct Named {
  std::string name;
  std::string value;
};

class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  // Empty counts as not set, as OpenTelemetry has it.
  std::string Get(const std::string& name) const {
    const char* const value = environment_(name.c_str());
    return value != nullptr ? std::string(absl::StripAsciiWhitespace(value)) : "";
  }
  // OTEL_EXPORTER_OTLP_TRACES_<what>, else OTEL_EXPORTER_OTLP_<what>.
  Named GetOtlp(const std::string& what) const {
    Named found = {absl::StrCat("OTEL_EXPORTER_OTLP_TRACES_", what), ""};
    found.value = Get(found.name);
    if (!found.value.empty()) return found;
    found.name = absl::StrCat("OTEL_EXPORTER_OTLP_", what);
    found.value = Get(found.name);
    return found;
  }

 private:
  const Environment& environment_;
};

// Go's strconv.ParseBool, as containerd reads it.
absl::StatusOr<bool> IsDisabled(const Variables& variables) {
  const std::string text = variables.Get("OTEL_SDK_DISABLED");
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"", "0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return Bad("OTEL_SDK_DISABLED", "write true or false");
}

absl::StatusOr<Url> ParseEndpoint(const Named& endpoint, bool is_base) {
  absl::StatusOr<Url> url = ParseUrl(endpoint.value);
  if (!url.ok()) return Bad(endpoint.name, absl::StrCat(url.status().message(), "; write http://HOST:4318"));
  while (is_base && absl::EndsWith(url->path, "/")) url->path.pop_back();
  if (is_base && !absl::EndsWith(url->path, kTracesPath)) url->path += kTracesPath;
  if (url->path.empty()) url->path.push_back('/');
  return url;
}

// Nothing if there is none.
absl::StatusOr<std::optional<Url>> FindEndpoint(const TracingSettings& settings, const Variables& variables) {
  Named traces = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""};
  traces.value = variables.Get(traces.name);
  if (!traces.value.empty()) return ParseEndpoint(traces, /*is_base=*/false);
  Named base = {"OTEL_EXPORTER_OTLP_ENDPOINT", ""};
  base.value = variables.Get(base.name);
  if (base.value.empty()) base = {kEndpointKey, settings.endpoint};
  if (base.value.empty()) return std::nullopt;
  return ParseEndpoint(base, /*is_base=*/true);
}

absl::Status CheckProtocol(const TracingSettings& settings, const Variables& variables) {
  Named protocol = variables.GetOtlp("PROTOCOL");
  if (protocol.value.empty()) protocol = {kProtocolKey, settings.protocol};
  if (protocol.value.empty() || protocol.value == "http/protobuf") return absl::OkStatus();
  return Bad(protocol.name,
             absl::StrCat("crisp sends traces by OTLP over HTTP only, not by \"", absl::CHexEscape(protocol.value),
                          "\"; write \"http/protobuf\", and the collector's port for HTTP, which is usually 4318"));
}

// "name=value,…" with percent-encoding, as W3C Baggage.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParsePairs(const Named& list) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const absl::string_view item : absl::StrSplit(list.value, ',', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(item, absl::MaxSplits('=', 1));
    const absl::string_view name = absl::StripAsciiWhitespace(pair.first);
    if (name.empty() || !absl::StrContains(item, "=")) return Bad(list.name, "write NAME=VALUE,NAME=VALUE");
    pairs.emplace_back(name, PercentDecode(absl::StripAsciiWhitespace(pair.second)));
  }
  return pairs;
}

absl::Status AddHeaders(const Named& list, std::vector<std::string>* headers) {
  ASSIGN_OR_RETURN(const auto pairs, ParsePairs(list));
  for (const auto& [name, value] : pairs) {
    for (const char c : absl::StrCat(name, value)) {
      if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return Bad(list.name, "a header has a control character");
    }
    headers->push_back(absl::StrCat(name, ": ", value));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ParseCount(const Named& number, int64_t otherwise) {
  if (number.value.empty()) return otherwise;
  int64_t count = 0;
  if (absl::SimpleAtoi(number.value, &count) && count > 0 && count <= INT32_MAX) return count;
  return Bad(number.name, "write a whole number above 0");
}

absl::StatusOr<CollectorOptions> ReadCollector(Url url, const Variables& variables) {
  CollectorOptions options;
  options.url = std::move(url);
  RETURN_IF_ERROR(AddHeaders(variables.GetOtlp("HEADERS"), &options.headers));
  ASSIGN_OR_RETURN(const int64_t timeout, ParseCount(variables.GetOtlp("TIMEOUT"), options.timeout.count()));
  options.timeout = std::chrono::milliseconds(timeout);
  options.ca_file = variables.GetOtlp("CERTIFICATE").value;
  options.client_certificate = variables.GetOtlp("CLIENT_CERTIFICATE").value;
  options.client_key = variables.GetOtlp("CLIENT_KEY").value;
  return options;
}

absl::StatusOr<double> ParseRatio(absl::string_view name, const std::string& text) {
  double ratio = 1;
  if (text.empty() || (absl::SimpleAtod(text, &ratio) && ratio >= 0 && ratio <= 1)) return ratio;
  return Bad(name, "write a number from 0 to 1");
}

absl::StatusOr<TraceSampler> ReadSampler(const TracingSettings& settings, const Variables& variables) {
  const std::string kind = absl::AsciiStrToLower(variables.Get("OTEL_TRACES_SAMPLER"));
  absl::string_view root = kind;
  const bool parent_based = absl::ConsumePrefix(&root, "parentbased_");
  if (kind.empty()) {
    if (!(settings.sampling_ratio >= 0 && settings.sampling_ratio <= 1)) return Bad(kRatioKey, "write 0 to 1");
    return TraceSampler{settings.sampling_ratio, /*parent_based=*/true};
  }
  if (root == "always_on") return TraceSampler{1, parent_based};
  if (root == "always_off") return TraceSampler{0, parent_based};
  if (root != "traceidratio") {
    return Bad("OTEL_TRACES_SAMPLER",
               "write always_on, always_off or traceidratio, or one of them with \"parentbased_\" in front");
  }
  ASSIGN_OR_RETURN(const double ratio, ParseRatio("OTEL_TRACES_SAMPLER_ARG", variables.Get("OTEL_TRACES_SAMPLER_ARG")));
  return TraceSampler{ratio, parent_based};
}

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

using Attributes = std::vector<std::pair<std::string, std::string>>;

void SetAttribute(const std::string& name, const std::string& value, Attributes* attributes) {
  for (auto& [known, held] : *attributes) {
    if (known != name) continue;
    held = value;
    return;
  }
  attributes->emplace_back(name, value);
}

absl::StatusOr<Attributes> ReadResource(const TracingSettings& settings, const Variables& variables) {
  Attributes attributes = {{"service.name", settings.service_name.empty() ? "crispd" : settings.service_name},
                           {"service.version", CRISP_VERSION},
                           {"host.name", HostName()}};
  ASSIGN_OR_RETURN(const Attributes more,
                   ParsePairs({"OTEL_RESOURCE_ATTRIBUTES", variables.Get("OTEL_RESOURCE_ATTRIBUTES")}));
  for (const auto& [name, value] : more) SetAttribute(name, value, &attributes);
  if (const std::string name = variables.Get("OTEL_SERVICE_NAME"); !name.empty()) {
    SetAttribute("service.name", name, &attributes);
  }
  for (auto& [name, value] : attributes) value = ToUtf8(value);
  return attributes;
}

absl::Status ReadBatching(const Variables& variables, TracingOptions* options) {
  const auto read = [&](const std::string& name, int64_t otherwise) {
    return ParseCount({name, variables.Get(name)}, otherwise);
  };
  ASSIGN_OR_RETURN(const int64_t delay, read("OTEL_BSP_SCHEDULE_DELAY", options->delay.count()));
  ASSIGN_OR_RETURN(const int64_t queue, read("OTEL_BSP_MAX_QUEUE_SIZE", static_cast<int64_t>(options->queue_size)));
  ASSIGN_OR_RETURN(const int64_t batch,
                   read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", static_cast<int64_t>(options->batch_size)));
  options->delay = std::chrono::milliseconds(delay);
  options->queue_size = static_cast<size_t>(queue);
  options->batch_size = static_cast<size_t>(std::min(batch, queue));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<TracingOptions>> ResolveTracing(const TracingSettings& settings,
                                                             const Environment& environment) {
  const Variables variables(environment);
  ASSIGN_OR_RETURN(const bool disabled, IsDisabled(variables));
  const std::string exporter = variables.Get("OTEL_TRACES_EXPORTER");
  if (disabled || exporter == "none") return std::nullopt;
  if (!exporter.empty() && exporter != "otlp") return Bad("OTEL_TRACES_EXPORTER", "write otlp, or none");
  ASSIGN_OR_RETURN(std::optional<Url> url, FindEndpoint(settings, variables));
  if (!url.has_value()) return std::nullopt;
  RETURN_IF_ERROR(CheckProtocol(settings, variables));
  TracingOptions options;
  ASSIGN_OR_RETURN(options.collector, ReadCollector(*std::move(url), variables));
  ASSIGN_OR_RETURN(options.sampler, ReadSampler(settings, variables));
  ASSIGN_OR_RETURN(options.resource, ReadResource(settings, variables));
  RETURN_IF_ERROR(ReadBatching(variables, &options));
  return options;
}

}  // namespace crisp
