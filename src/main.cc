// crispd: builds every object of the daemon by hand and wires them together.
#include <fcntl.h>
#include <malloc.h>
#include <prometheus/registry.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/crash_handler.h"
#include "base/log.h"
#include "base/recording.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "config/load_config.h"
#include "daemon/options.h"
#include "images/images.h"
#include "metrics/rpc_metrics.h"
#include "metrics/step_metrics.h"
#include "monitor/debug_pages.h"
#include "monitor/http_server.h"
#include "monitor/metrics_page.h"
#include "monitor/node_metrics.h"
#include "monitor/operations_text.h"
#include "monitor/process_metrics.h"
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
#include "server/cri_server.h"
#include "stats/containerd_view.h"
#include "stats/sampler.h"
#include "stats/stats.h"
#include "stats/status_view.h"
#include "store/database.h"
#include "store/layout.h"
#include "streaming/stream_server.h"

namespace crisp {
namespace {

constexpr std::chrono::milliseconds kEndLimit{1500};  // after SIGTERM

constexpr char kUsage[] =
    R"(Usage: crispd [--config FILE]

Serves the Kubernetes Container Runtime Interface, v1, on a unix socket.

  --config FILE   a containerd configuration file (version 1 to 4); without it: root /var/lib/crisp, state /run/crisp,
                  socket /run/crisp/crisp.sock, CNI plugins from /opt/cni/bin with /etc/cni/net.d, and runc
  --version       print the version and exit
  --help          print this and exit

Point crictl at it with  crictl --runtime-endpoint unix:///run/crisp/crisp.sock  and the kubelet with
--container-runtime-endpoint=unix:///run/crisp/crisp.sock --containerd=/run/crisp/crisp.sock.

The log goes to stderr. SIGUSR1 makes crispd write there what it is doing.
)";

struct Arguments {
  std::string config;
  bool help = false;
  bool version = false;
};

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args) {
  Arguments parsed;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--help" || args[i] == "-h") {
      parsed.help = true;
    } else if (args[i] == "--version") {
      parsed.version = true;
    } else if (args[i] == "--config" && i + 1 < args.size()) {
      parsed.config = args[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("unknown or incomplete argument \"", args[i], "\"; see --help"));
    }
  }
  return parsed;
}

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  if (path.empty()) return DefaultConfig();
  std::vector<std::string> warnings;
  ASSIGN_OR_RETURN(Config config, LoadConfig(path, &warnings));
  for (const std::string& warning : warnings) LogWarning(warning);
  return config;
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

// The signals for the daemon, blocked in every thread and taken by AwaitEnd.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Returns the signal that ends the daemon. SIGUSR1 asks what it is doing.
int AwaitEnd(const sigset_t& signals) {
  while (true) {
    int received = 0;
    sigwait(&signals, &received);
    if (received != SIGUSR1) return received;
    LogOperations();
  }
}

// Ends the process if its destructors take longer. What is in progress then (a plugin, a pull, a process that does not
// die) is found by the next daemon, as after a kill.
void EndWithin(std::chrono::milliseconds limit) {
  absl::StatusOr<std::thread> thread = StartThread("the end of the daemon", [limit] {
    std::this_thread::sleep_for(limit);
    LogWarning("work is left in progress; the next start finishes it");
    _exit(0);
  });
  if (thread.ok()) thread->detach();
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
std::unique_ptr<HttpServer> ServeDebug(const DebugConfig& config, const DebugSources& sources) {
  if (config.address.empty()) return nullptr;
  HttpServerOptions options;
  options.address = absl::StrCat("unix://", config.address);
  options.uid = config.uid;
  options.gid = config.gid;
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Start(std::move(options), DebugPages(sources), DebugTrees(sources));
  if (server.ok()) return *std::move(server);
  LogError("nothing is served for debugging; look at debug.address", {{"error", server.status().message()}});
  return nullptr;
}

absl::Status Run(const Config& config) {
  umask(022);  // not that of who started it: containers read files that are made here, and nobody writes to the socket
  const sigset_t signals = BlockSignals();
  RaiseDescriptorLimit();
  KeepNoLargeBlocks();
  SetOomScore(config.oom_score);
  const auto registry = std::make_shared<prometheus::Registry>();
  RpcMetrics rpc_metrics(registry.get(), config.metrics.grpc_histogram);
  const StepMetrics step_metrics(registry.get());
  ASSIGN_OR_RETURN(const std::unique_ptr<SlowOperations> slow_operations, SlowOperations::Start());
  const Layout layout(config.root, config.state, config.netns_mounts_under_state_dir);
  ASSIGN_OR_RETURN(SandboxOptions sandbox_options, SandboxOptionsOf(config, layout));
  ASSIGN_OR_RETURN(const std::vector<Fd> locks, TakeDirectories(layout, sandbox_options));
  Recording recording(layout.Recorder(), layout.Traces());
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(layout.Database()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Images> images, Images::Open(layout, database.get(), ImagesOptionsOf(config)));
  if (!config.crisp.preload_dir.empty()) {
    const absl::Status imported = images->ImportLayouts(config.crisp.preload_dir, CallContext());
    if (!imported.ok()) LogError("an image of preload_dir is missing", {{"error", imported.message()}});
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Reactor> reactor, Reactor::Start());
  ASSIGN_OR_RETURN(const std::unique_ptr<Network> network, Network::Start(CniOptionsOf(config)));
  const std::unique_ptr<Shims> shims = MakeShims(reactor.get());
  RuntimeHealth health({layout, database.get(), sandbox_options.runtimes.at(sandbox_options.default_runtime).binary,
                        sandbox_options.shim_program});
  PodTable table;
  Sampler sampler(&table, layout);
  ASSIGN_OR_RETURN(const std::unique_ptr<PodManager> pods,
                   PodManager::Open({layout, &table, database.get(), images.get(), network.get(), shims.get(), &sampler,
                                     std::move(sandbox_options)}));
  const StatusView status(layout, &table);
  const ContainerdView containerd(layout, &table);
  const Stats stats(layout, &table, &sampler);
  PodStreams pod_streams(&table, &pods->exec());
  ASSIGN_OR_RETURN(const std::unique_ptr<StreamServer> streams,
                   StreamServer::Start(StreamServerOptionsOf(config), &pod_streams));
  ASSIGN_OR_RETURN(const std::unique_ptr<CriServer> server,
                   CriServer::Start(ServerOptionsOf(config, layout),
                                    {pods.get(), &table, &health, &status, &containerd, &stats, images.get(),
                                     network.get(), streams.get(), &rpc_metrics, OperationsJson, &recording.traces()}));
  const std::unique_ptr<HttpServer> metrics =
      ServeMetrics(config.metrics, MetricsPage({registry, std::make_shared<NodeMetrics>(&table, &stats, images.get()),
                                                std::make_shared<ProcessMetrics>()}));
  const std::unique_ptr<HttpServer> debug = ServeDebug(config.debug, {layout, &table, recording.recorder()});
  LogInfo("serving", {{"address", config.grpc.address}, {"version", CRISP_VERSION}});

  LogInfo("ending; pods go on", {{"signal", AwaitEnd(signals)}});
  EndWithin(kEndLimit);
  return absl::OkStatus();
}

int Main(const std::vector<std::string>& args) {
  const auto arguments = ParseArguments(args);
  if (arguments.ok() && arguments->help) {
    fputs(kUsage, stdout);
    return 0;
  }
  if (arguments.ok() && arguments->version) {
    puts("crispd " CRISP_VERSION);
    return 0;
  }
  SetLogOptions({.to_journal = StderrIsJournal()});
  InstallCrashHandler({"crispd " CRISP_VERSION, StderrIsJournal()});
  absl::Status status = arguments.status();
  if (status.ok()) {
    const auto config = ReadConfig(arguments->config);
    status = config.status();
    if (config.ok()) {
      SetLogOptions({config->log_level, config->log_format, StderrIsJournal()});
      status = Run(*config);
    }
  }
  if (status.ok()) return 0;
  LogError("crispd cannot go on", {{"error", status.message()}});
  return 1;
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  return crisp::Main(std::vector<std::string>(argv + 1, argv + argc));
}
