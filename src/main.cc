// crispd: builds every object of the daemon by hand and wires them together.
#include <fcntl.h>
#include <malloc.h>
#include <prometheus/registry.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/crash_handler.h"
#include "base/log.h"
#include "base/recording.h"
#include "base/status_macros.h"
#include "commands/command_line.h"
#include "commands/config_commands.h"
#include "config/load_config.h"
#include "daemon/options.h"
#include "daemon/reload.h"
#include "daemon/reload_rooms.h"
#include "daemon/service_manager.h"
#include "daemon/signals.h"
#include "daemon/watchdog.h"
#include "doctor/command.h"
#include "images/images.h"
#include "metrics/rpc_metrics.h"
#include "metrics/step_metrics.h"
#include "monitor/config_metrics.h"
#include "monitor/counter_metrics.h"
#include "monitor/debug_pages.h"
#include "monitor/health_metrics.h"
#include "monitor/http_server.h"
#include "monitor/metrics_page.h"
#include "monitor/node_metrics.h"
#include "monitor/operations_text.h"
#include "monitor/process_metrics.h"
#include "monitor/shim_metrics.h"
#include "monitor/slow_operations.h"
#include "network/network.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/reactor.h"
#include "runtime/shims.h"
#include "sandbox/pod_manager.h"
#include "sandbox/pod_streams.h"
#include "sandbox/pod_table.h"
#include "sandbox/runtime_health.h"
#include "sandbox/sandbox_options.h"
#include "server/cri_server.h"
#include "server/server_options.h"
#include "stats/containerd_view.h"
#include "stats/sampler.h"
#include "stats/stats.h"
#include "stats/status_view.h"
#include "store/database.h"
#include "store/layout.h"
#include "streaming/stream_server.h"
#include "tracing/tracing.h"

namespace crisp {
namespace {

Reading ReadConfig(const std::string& path) {
  Reading reading;
  if (path.empty()) {
    reading.config = DefaultConfig();
    return reading;
  }
  reading = ReadConfiguration(path);
  for (const std::string& warning : reading.warnings) LogWarning(warning);
  return reading;
}

// On a file system that cannot be written the lock must be there already. It need not be written for flock(2).
absl::StatusOr<Fd> OpenLock(const std::string& path) {
  absl::StatusOr<Fd> made = OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  if (made.ok()) return made;
  absl::StatusOr<Fd> there = OpenAt(AT_FDCWD, path, O_RDONLY);
  return there.ok() ? std::move(there) : std::move(made);
}

absl::StatusOr<Fd> TakeLock(const std::string& path) {
  ASSIGN_OR_RETURN(Fd lock, OpenLock(path));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return ErrnoStatus(errno, absl::StrCat("lock ", path, " (is another crispd running?)"));
}

// The directories below which everything is, and their locks, so that no two daemons ever share one of them.
absl::StatusOr<std::vector<Fd>> TakeDirectories(const Layout& layout, const SandboxOptions& sandbox) {
  for (const std::string& directory : {layout.root(), layout.state()}) {
    RETURN_IF_ERROR(MakeDirsWithMode(directory, 0711));
  }
  std::vector<Fd> locks;
  for (const std::string& path : std::set<std::string>{layout.RootLock(), layout.StateLock()}) {
    ASSIGN_OR_RETURN(Fd lock, TakeLock(path));
    locks.push_back(std::move(lock));
  }
  RETURN_IF_ERROR(MakeDirsWithMode(layout.Pods(), 0711));
  RETURN_IF_ERROR(MakeDirsWithMode(layout.RuntimeRoots(), 0700));
  for (const auto& [name, runtime] : sandbox.runtimes) RETURN_IF_ERROR(MakeDirs(runtime.root, 0700));
  return locks;
}

// Large blocks, as the output of an exec and the messages that carry it, go back to the kernel as soon as they are
// freed. Without a fixed threshold glibc raises it with every large block that is freed, and keeps them. Two arenas are
// enough: with one for every thread each keeps what was once the most of it.
void KeepNoLargeBlocks() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

// As containerd, which goes on without it.
void SetOomScore(int score) {
  if (score == 0) return;
  const absl::Status set = WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj", absl::StrCat(score), 0);
  if (!set.ok()) {
    LogError("oom_score is not set; a lower one than crispd is started with needs CAP_SYS_RESOURCE",
             {{"oom_score", score}, {"error", set.message()}});
  }
}

// What the watchdog asks.
std::vector<Watchdog::Worker> Workers(Reactor* reactor, StreamServer* streams, CriServer* server) {
  return {
      {"shims", [=](std::function<void()> answer, MonoTime) { reactor->Post(std::move(answer)); }},
      {"streaming", [=](std::function<void()> answer, MonoTime) { streams->Ask(std::move(answer)); }},
      {"CRI",
       [=](const std::function<void()>& answer, MonoTime until) {
         if (server->Answers(until)) answer();
       }},
  };
}

// What traces calls and operations; null if it is not to be, or cannot be, which is no reason to run no pods.
std::unique_ptr<Tracing> StartTracing(const Config& config, prometheus::Registry* registry) {
  absl::StatusOr<std::optional<TracingOptions>> options = TracingOptionsOf(config);
  if (options.ok() && !options->has_value()) return nullptr;
  absl::Status status = options.status();
  if (options.ok()) {
    const std::string endpoint = (*options)->collector.url.Printable();
    absl::StatusOr<std::unique_ptr<Tracing>> tracing = Tracing::Start(**std::move(options), registry);
    if (tracing.ok()) {
      LogInfo("sending traces", {{"endpoint", endpoint}});
      return *std::move(tracing);
    }
    status = tracing.status();
  }
  LogError("calls are not traced", {{"error", status.message()}});
  return nullptr;
}

// What is served at metrics.address; null if it is not to be, or cannot be, which is no reason to run no pods.
std::unique_ptr<HttpServer> ServeMetrics(const MetricsConfig& config, HttpPage page) {
  if (config.address.empty()) return nullptr;
  HttpServerOptions options;
  options.address = config.address;
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Start(std::move(options), {{"/metrics", page}, {"/v1/metrics", page}});
  if (server.ok()) {
    LogInfo("serving metrics", {{"address", (*server)->host()}});
    return *std::move(server);
  }
  LogError("metrics are not served; look at metrics.address", {{"error", server.status().message()}});
  return nullptr;
}

// What is served at debug.address; null if nothing is to be, or can be.
std::unique_ptr<HttpServer> ServeDebug(const DebugConfig& config, const DebugSources& sources, HttpPage config_page) {
  if (config.address.empty()) return nullptr;
  HttpServerOptions options;
  options.address = absl::StrCat("unix://", config.address);
  options.uid = config.uid;
  options.gid = config.gid;
  HttpPages pages = DebugPages(sources);
  pages["/config"] = std::move(config_page);
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Start(std::move(options), std::move(pages), DebugTrees(sources));
  if (server.ok()) return *std::move(server);
  LogError("nothing is served for debugging; look at debug.address", {{"error", server.status().message()}});
  return nullptr;
}

// The series of pods and containers; none if they are not wanted.
MetricText PodMetricText(const MetricsConfig& config, const Stats* stats) {
  if (config.no_prometheus) return nullptr;
  return [stats](std::string* text) { stats->AppendPodMetricText(text); };
}

absl::Status Run(const std::string& config_file, const Reading& reading) {
  const Config& config = *reading.config;
  umask(022);  // not that of who started it: containers read files that are made here, and nobody writes to the socket
  ServiceManager systemd;
  Reloader reloader(config_file, reading, &systemd);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<Signals> signals,
      Signals::Start({[&systemd] { systemd.SayStopping(); }, [&reloader] { reloader.Request(); }, LogOperations}));
  RaiseDescriptorLimit();
  KeepNoLargeBlocks();
  SetOomScore(config.oom_score);
  const auto registry = std::make_shared<prometheus::Registry>();
  RpcMetrics rpc_metrics(registry.get(), config.metrics.grpc_histogram);
  const StepMetrics step_metrics(registry.get());
  const std::unique_ptr<Tracing> tracing = StartTracing(config, registry.get());
  ASSIGN_OR_RETURN(const std::unique_ptr<SlowOperations> slow_operations, SlowOperations::Start());
  const Layout layout(config.root, config.state, config.netns_mounts_under_state_dir);
  ASSIGN_OR_RETURN(SandboxOptions sandbox_options, SandboxOptionsOf(config, layout));
  ASSIGN_OR_RETURN(const std::vector<Fd> locks, TakeDirectories(layout, sandbox_options));
  Recording recording(layout.Recorder(), layout.Traces());
  systemd.SayStatus("checking the database");
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(layout.Database()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Images> images, Images::Open(layout, database.get(), ImagesOptionsOf(config)));
  if (!config.crisp.preload_dir.empty()) {
    systemd.SayStatus(absl::StrCat("importing the images in ", config.crisp.preload_dir));
    const absl::Status imported = images->ImportLayouts(config.crisp.preload_dir, CallContext());
    if (!imported.ok()) LogError("an image of preload_dir is missing", {{"error", imported.message()}});
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Reactor> reactor, Reactor::Start());
  ASSIGN_OR_RETURN(const std::unique_ptr<Network> network, Network::Start(CniOptionsOf(config, layout)));
  const std::unique_ptr<Shims> shims = MakeShims(reactor.get());
  RuntimeHealth health({layout, database.get(), sandbox_options.runtimes.at(sandbox_options.default_runtime).binary,
                        sandbox_options.shim_program});
  PodTable table;
  Sampler sampler(&table, layout);
  ASSIGN_OR_RETURN(const std::unique_ptr<PodManager> pods,
                   PodManager::Open({layout, &table, database.get(), images.get(), network.get(), shims.get(), &sampler,
                                     [&systemd](size_t done, size_t all) {
                                       systemd.SayStatus(absl::StrCat("taking over pods: ", done, " of ", all));
                                     }},
                                    std::move(sandbox_options)));
  const StatusView status(layout, &table);
  const ContainerdView containerd(layout, &table);
  const Stats stats(layout, &table, &sampler);
  PodStreams pod_streams(&table, &pods->exec());
  ASSIGN_OR_RETURN(const std::unique_ptr<StreamServer> streams,
                   StreamServer::Start(StreamServerOptionsOf(config), &pod_streams));
  ServerOptions server_options = ServerOptionsOf(config, layout);
  server_options.sockets = systemd.TakeSockets();
  ASSIGN_OR_RETURN(
      const std::unique_ptr<CriServer> server,
      CriServer::Start(std::move(server_options),
                       {pods.get(), &table, &health, &status, &containerd, &stats, images.get(), network.get(),
                        streams.get(), &rpc_metrics, reactor.get(), tracing != nullptr ? tracing->tracer() : nullptr,
                        config.log_trace_id, OperationsJson, &recording.traces()}));
  const std::unique_ptr<HttpServer> metrics = ServeMetrics(
      config.metrics,
      MetricsPage(
          {registry,
           std::make_shared<CounterMetrics>(
               CounterMetrics::Parts{pods.get(), network.get(), images.get(), streams.get(), database.get()}),
           std::make_shared<NodeMetrics>(&table, &stats, images.get()),
           std::make_shared<ShimMetrics>([&table] { return ShimsOf(table); }), std::make_shared<ProcessMetrics>(),
           std::make_shared<HealthMetrics>([&] { return health.Ready(); }, [&] { return network->Ready(); }),
           std::make_shared<ConfigMetrics>([&reloader] {
             const Reloader::Outcome outcome = reloader.outcome();
             return ConfigState{outcome.ok, outcome.applied};
           })},
          PodMetricText(config.metrics, &stats)));
  const std::unique_ptr<HttpServer> debug =
      ServeDebug(config.debug, {layout, &table, recording.recorder(), network.get()}, [&reloader] {
        return HttpAnswer{200, "application/json", reloader.Json()};
      });
  ASSIGN_OR_RETURN(const std::unique_ptr<Watchdog> watchdog,
                   Watchdog::Start(systemd.watchdog_time(), Workers(reactor.get(), streams.get(), server.get()),
                                   [&systemd] { systemd.SayAlive(); }));
  const std::string serving = absl::StrCat("serving ", config.grpc.address);
  LogInfo("serving", {{"address", config.grpc.address}, {"version", CRISP_VERSION}});
  systemd.SayReady(serving);
  RETURN_IF_ERROR(reloader.Start(
      ReloadSteps({layout, images.get(), network.get(), pods.get(), &health, streams.get(), server.get()}), serving));
  signals->AwaitEnd();
  return absl::OkStatus();
}

// Returns the exit status.
int Serve(const std::string& config_file) {
  SetLogOptions({.to_journal = StderrIsJournal()});
  InstallCrashHandler({"crispd " CRISP_VERSION, StderrIsJournal()});
  Reading reading = ReadConfig(config_file);
  absl::Status status = reading.config.status();
  if (status.ok()) {
    SetLogOptions({reading.config->log_level, reading.config->log_format, StderrIsJournal()});
    status = Run(config_file, reading);
  }
  if (status.ok()) return kExitOk;
  LogError("crispd cannot go on", {{"error", status.message()}});
  return kExitBad;
}

int Doctor(const CommandLine& line) {
  const DoctorLine& doctor = line.doctor;
  const Answer answer =
      RunDoctor({{line.config, doctor.kubelet_config, doctor.kubelet_url}, doctor.checks, doctor.json});
  _exit(Print(answer));  // threads of checks that hang may be left
}

int Main(const std::vector<std::string>& args) {
  const std::variant<CommandLine, Answer> parsed = ParseCommandLine(args);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) return Print(*answer);
  const CommandLine& line = std::get<CommandLine>(parsed);
  switch (line.verb) {
    case Verb::kServe:
      return Serve(line.config);
    case Verb::kDoctor:
      return Doctor(line);
    case Verb::kConfigDefault:
    case Verb::kConfigDump:
    case Verb::kConfigCheck:
    case Verb::kConfigExplain:
    case Verb::kConfigMigrate:
      return Print(RunConfigCommand(line));
  }
  return kExitUsage;
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  return crisp::Main(std::vector<std::string>(argv + 1, argv + argc));
}
