#include "config/at_start.h"

#include <set>

#include "absl/strings/string_view.h"
#include "config/setters.h"

namespace crisp {
namespace {

struct Row {
  const char* path;                                   // as in the table of keys
  bool (*keep)(const Config& running, Config* next);  // true if they differed
};

template <auto... Path>
bool Keep(const Config& running, Config* next) {
  const bool differed = Member<Path...>(running) != Member<Path...>(*next);
  Member<Path...>(*next) = Member<Path...>(running);
  return differed;
}

// Directories, sockets and servers are there from the start to the end; so is what counts for all calls. The rest of
// them says what is done at the start.
constexpr Row kRows[] = {
    {"root", Keep<&Config::root>},
    {"state", Keep<&Config::state>},
    {"cri/netns_mounts_under_state_dir", Keep<&Config::netns_mounts_under_state_dir>},
    {"crisp/shim", Keep<&Config::crisp, &CrispConfig::shim>},
    {"grpc/address", Keep<&Config::grpc, &GrpcConfig::address>},
    {"grpc/uid", Keep<&Config::grpc, &GrpcConfig::uid>},
    {"grpc/gid", Keep<&Config::grpc, &GrpcConfig::gid>},
    {"grpc/max_recv_message_size", Keep<&Config::grpc, &GrpcConfig::max_recv_message_size>},
    {"grpc/max_send_message_size", Keep<&Config::grpc, &GrpcConfig::max_send_message_size>},
    {"crisp/containerd_address", Keep<&Config::crisp, &CrispConfig::containerd_address>},
    {"debug/address", Keep<&Config::debug, &DebugConfig::address>},
    {"debug/uid", Keep<&Config::debug, &DebugConfig::uid>},
    {"debug/gid", Keep<&Config::debug, &DebugConfig::gid>},
    {"debug/log_trace_id", Keep<&Config::log_trace_id>},
    {"metrics/address", Keep<&Config::metrics, &MetricsConfig::address>},
    {"metrics/grpc_histogram", Keep<&Config::metrics, &MetricsConfig::grpc_histogram>},
    {"plugins/io.containerd.monitor.task.v1.cgroups/no_prometheus",
     Keep<&Config::metrics, &MetricsConfig::no_prometheus>},
    {"cri/stream_server_address", Keep<&Config::stream, &StreamConfig::address>},
    {"cri/stream_server_port", Keep<&Config::stream, &StreamConfig::port>},
    {"cri/enable_tls_streaming", Keep<&Config::stream, &StreamConfig::tls>},
    {"plugins/io.containerd.tracing.processor.v1.otlp/endpoint", Keep<&Config::tracing, &TracingConfig::endpoint>},
    {"plugins/io.containerd.tracing.processor.v1.otlp/protocol", Keep<&Config::tracing, &TracingConfig::protocol>},
    {"plugins/io.containerd.internal.v1.tracing/service_name", Keep<&Config::tracing, &TracingConfig::service_name>},
    {"plugins/io.containerd.internal.v1.tracing/sampling_ratio",
     Keep<&Config::tracing, &TracingConfig::sampling_ratio>},
    {"oom_score", Keep<&Config::oom_score>},
    {"crisp/preload_dir", Keep<&Config::crisp, &CrispConfig::preload_dir>},
    {"crisp/pin_preloaded", Keep<&Config::crisp, &CrispConfig::pin_preloaded>},
    {"crisp/keep_unused_layers", Keep<&Config::crisp, &CrispConfig::keep_unused_layers>},
};

}  // namespace

bool IsReadAtStart(const Key& key) {
  static const std::set<absl::string_view> kPaths = [] {
    std::set<absl::string_view> paths = {"plugins/io.containerd.monitor.v1.cgroups/no_prometheus"};  // an older name
    for (const Row& row : kRows) paths.insert(row.path);
    return paths;
  }();
  return kPaths.count(key.path) != 0;
}

std::vector<std::string> KeepWhatIsReadAtStart(const Config& running, Config* next) {
  std::vector<std::string> differed;
  for (const Row& row : kRows) {
    if (row.keep(running, next)) differed.push_back(row.path);
  }
  return differed;
}

}  // namespace crisp
