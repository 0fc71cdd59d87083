// crisp-demo: takes one pod through its life over CRI, and prints a line with the time that each step took.

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "deploy/demo/cri_client.h"
#include "deploy/demo/page.h"

namespace crisp {
namespace {

constexpr char kUsage[] = R"(usage: crisp-demo --socket PATH --log-dir DIR [OPTION]...

Runs a pod with a small web server on the CRI server at PATH, fetches its page, runs a command in it, shows its log,
and removes it. Prints how long each step took.

  --socket PATH         the socket of the CRI server
  --log-dir DIR         where the pod's log goes
  --image REFERENCE     the image of the web server, which must be there; it needs busybox's sh and httpd
                        (docker.io/library/busybox:latest)
  --cgroup-parent PATH  the cgroup to put the pod under (/crisp-demo)
  --host-port PORT      the port of this machine that leads to the server (one that is free)
  --serve               go on serving until SIGINT or SIGTERM
  --remove-all          do nothing but remove every pod of the server
)";

constexpr int kContainerPort = 8080;
constexpr std::chrono::seconds kPatience{30};
// The shell is pid 1, to which the kernel gives no default actions: it must end by itself when it is asked to.
constexpr char kServerScript[] = R"(
mkdir -p /www
echo "Hello from pod $(hostname)." > /www/index.html
echo "serving /www on port 8080"
httpd -f -vv -p 8080 -h /www &
trap "kill $!; echo stopping; exit 0" TERM
wait
)";

using Clock = std::chrono::steady_clock;
using Runtime = CriClient::Runtime;
using ImageStub = CriClient::Image;

struct Options {
  std::string socket;
  std::string log_dir;
  std::string image = "docker.io/library/busybox:latest";
  std::string cgroup_parent = "/crisp-demo";
  int host_port = 0;
  bool serve = false;
  bool remove_all = false;
};

// The signals that end the program. They stay blocked: a pod that is up must be taken down first.
sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

bool Interrupted() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

std::string ShortId(const std::string& id) {
  return id.substr(0, 12);
}

// One pod's life. The methods are the steps, in their order; each returns what to print behind its name.
class Demo {
 public:
  Demo(CriClient* client, const Options& options) : client_(client), options_(options) {}

  absl::Status Run();

 private:
  using Step = absl::StatusOr<std::string> (Demo::*)();

  absl::Status Perform(const char* name, Step step);
  absl::Status SetUp();
  absl::Status TearDown();

  absl::StatusOr<std::string> Version();
  absl::StatusOr<std::string> WaitUntilReady();
  absl::StatusOr<std::string> WaitForImages();
  absl::StatusOr<std::string> RunPod();
  absl::StatusOr<std::string> PodAddress();
  absl::StatusOr<std::string> CreateServer();
  absl::StatusOr<std::string> StartServer();
  absl::StatusOr<std::string> FetchFromPod();
  absl::StatusOr<std::string> FetchFromHost();
  absl::StatusOr<std::string> ExecInServer();
  absl::StatusOr<std::string> Stats();
  absl::StatusOr<std::string> Log();
  absl::StatusOr<std::string> StopServer();
  absl::StatusOr<std::string> StopPod();
  absl::StatusOr<std::string> RemovePod();

  cri::PodSandboxConfig PodConfig() const;
  cri::ContainerConfig ServerConfig() const;
  std::string Url(const std::string& host, int port) const { return absl::StrCat("http://", host, ":", port, "/"); }

  CriClient* client_;
  Options options_;
  std::string pod_;
  std::string address_;
  std::string server_;
};

absl::Status Demo::Perform(const char* name, Step step) {
  const Clock::time_point start = Clock::now();
  ASSIGN_OR_RETURN(const std::string result, (this->*step)());
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  printf("%9.1f ms  %-22s %s\n", took.count(), name, result.c_str());
  fflush(stdout);
  return absl::OkStatus();
}

absl::Status Demo::Run() {
  absl::Status status = SetUp();
  if (status.ok() && options_.serve) {
    printf("\nServing on %s and %s until Ctrl-C.\n\n", Url(address_, kContainerPort).c_str(),
           Url("127.0.0.1", options_.host_port).c_str());
    fflush(stdout);
    const sigset_t set = EndSignals();
    int signal = 0;
    sigwait(&set, &signal);
  }
  return Join(status, TearDown());
}

absl::Status Demo::SetUp() {
  constexpr std::pair<const char*, Step> kSteps[] = {{"Version", &Demo::Version},
                                                     {"Status", &Demo::WaitUntilReady},
                                                     {"ListImages", &Demo::WaitForImages},
                                                     {"RunPodSandbox", &Demo::RunPod},
                                                     {"PodSandboxStatus", &Demo::PodAddress},
                                                     {"CreateContainer", &Demo::CreateServer},
                                                     {"StartContainer", &Demo::StartServer},
                                                     {"page from the pod", &Demo::FetchFromPod},
                                                     {"page from a host port", &Demo::FetchFromHost},
                                                     {"ExecSync", &Demo::ExecInServer},
                                                     {"ContainerStats", &Demo::Stats},
                                                     {"log", &Demo::Log}};
  for (const auto& [name, step] : kSteps) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(Perform(name, step));
  }
  return absl::OkStatus();
}

// Takes down what SetUp made of the pod, whether or not it came to its end and whatever signals have come since.
absl::Status Demo::TearDown() {
  if (pod_.empty()) return absl::OkStatus();
  absl::Status status;
  if (!server_.empty()) status = Perform("StopContainer", &Demo::StopServer);
  status = Join(status, Perform("StopPodSandbox", &Demo::StopPod));
  return Join(status, Perform("RemovePodSandbox", &Demo::RemovePod));
}

// Asks `condition` until it holds; it returns what is still missing, or "" once nothing is.
absl::Status WaitUntil(const std::function<absl::StatusOr<std::string>()>& condition) {
  const Clock::time_point end = Clock::now() + kPatience;
  for (;;) {
    ASSIGN_OR_RETURN(const std::string missing, condition());
    if (missing.empty()) return absl::OkStatus();
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (Clock::now() >= end) return absl::UnavailableError(missing);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

absl::StatusOr<std::string> Demo::Version() {
  ASSIGN_OR_RETURN(const cri::VersionResponse version,
                   client_->Call("Version", &Runtime::Version, cri::VersionRequest()));
  return absl::StrCat(version.runtime_name(), " ", version.runtime_version(), ", CRI ", version.runtime_api_version());
}

absl::StatusOr<std::string> Demo::WaitUntilReady() {
  std::vector<std::string> names;
  RETURN_IF_ERROR(WaitUntil([&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const cri::StatusResponse answer, client_->Call("Status", &Runtime::Status, cri::StatusRequest()));
    names.clear();
    for (const cri::RuntimeCondition& condition : answer.status().conditions()) {
      if (!condition.status()) return absl::StrCat(condition.type(), " is false: ", condition.message());
      names.push_back(condition.type());
    }
    return "";
  }));
  return absl::StrJoin(names, ", ");
}

absl::StatusOr<std::string> Demo::WaitForImages() {
  std::vector<std::string> names;
  RETURN_IF_ERROR(WaitUntil([&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const cri::ListImagesResponse answer,
                     client_->Call("ListImages", &ImageStub::ListImages, cri::ListImagesRequest()));
    names.clear();
    for (const cri::Image& image : answer.images()) {
      names.insert(names.end(), image.repo_tags().begin(), image.repo_tags().end());
    }
    const bool found = std::find(names.begin(), names.end(), options_.image) != names.end();
    return found ? "" : absl::StrCat("image ", options_.image, " is not among the ", names.size(), " of the server");
  }));
  return absl::StrJoin(names, ", ");
}

cri::PodSandboxConfig Demo::PodConfig() const {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name("demo");
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("crisp-demo");
  config.set_hostname("demo");
  config.set_log_directory(options_.log_dir);
  config.mutable_linux()->set_cgroup_parent(options_.cgroup_parent);
  cri::PortMapping* port = config.add_port_mappings();
  port->set_container_port(kContainerPort);
  port->set_host_port(options_.host_port);
  return config;
}

absl::StatusOr<std::string> Demo::RunPod() {
  if (options_.host_port == 0) {
    ASSIGN_OR_RETURN(options_.host_port, FreePort());
  }
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig();
  ASSIGN_OR_RETURN(const cri::RunPodSandboxResponse answer,
                   client_->Call("RunPodSandbox", &Runtime::RunPodSandbox, request));
  pod_ = answer.pod_sandbox_id();
  return absl::StrCat("pod ", ShortId(pod_));
}

absl::StatusOr<std::string> Demo::PodAddress() {
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(pod_);
  ASSIGN_OR_RETURN(const cri::PodSandboxStatusResponse answer,
                   client_->Call("PodSandboxStatus", &Runtime::PodSandboxStatus, request));
  address_ = answer.status().network().ip();
  if (answer.status().state() != cri::SANDBOX_READY) return absl::InternalError("the pod is not ready");
  if (address_.empty()) return absl::InternalError("the pod has no address");
  return absl::StrCat("ready, has ", address_);
}

cri::ContainerConfig Demo::ServerConfig() const {
  cri::ContainerConfig config;
  config.mutable_metadata()->set_name("web");
  config.mutable_image()->set_image(options_.image);
  for (const char* word : {"/bin/sh", "-c", kServerScript}) config.add_command(word);
  config.set_log_path("web.log");
  return config;
}

absl::StatusOr<std::string> Demo::CreateServer() {
  cri::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod_);
  *request.mutable_config() = ServerConfig();
  *request.mutable_sandbox_config() = PodConfig();
  ASSIGN_OR_RETURN(const cri::CreateContainerResponse answer,
                   client_->Call("CreateContainer", &Runtime::CreateContainer, request));
  server_ = answer.container_id();
  return absl::StrCat("container ", ShortId(server_), " of ", options_.image);
}

absl::StatusOr<std::string> Demo::StartServer() {
  cri::StartContainerRequest request;
  request.set_container_id(server_);
  RETURN_IF_ERROR(client_->Call("StartContainer", &Runtime::StartContainer, request));
  return "";
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

absl::StatusOr<std::string> Demo::FetchFromPod() {
  const std::string url = Url(address_, kContainerPort);
  ASSIGN_OR_RETURN(const std::string page, FetchPage(url, std::chrono::seconds(10)));
  return absl::StrCat(url, " says: ", FirstLine(page));
}

absl::StatusOr<std::string> Demo::FetchFromHost() {
  const std::string url = Url("127.0.0.1", options_.host_port);
  ASSIGN_OR_RETURN(const std::string page, FetchPage(url, std::chrono::seconds(10)));
  return absl::StrCat(url, " says: ", FirstLine(page));
}

absl::StatusOr<std::string> Demo::ExecInServer() {
  cri::ExecSyncRequest request;
  request.set_container_id(server_);
  for (const char* word : {"/bin/sh", "-c", "echo \"$(hostname) has $(ls /proc | grep -c '^[0-9]') processes\""}) {
    request.add_cmd(word);
  }
  request.set_timeout(10);
  ASSIGN_OR_RETURN(const cri::ExecSyncResponse answer, client_->Call("ExecSync", &Runtime::ExecSync, request));
  if (answer.exit_code() != 0) {
    return absl::InternalError(absl::StrCat("ExecSync: exit status ", answer.exit_code(), ": ", answer.stderr()));
  }
  return absl::StrCat("it says: ", FirstLine(answer.stdout()));
}

absl::StatusOr<std::string> Demo::Stats() {
  cri::ContainerStatsRequest request;
  request.set_container_id(server_);
  const absl::StatusOr<cri::ContainerStatsResponse> answer =
      client_->Call("ContainerStats", &Runtime::ContainerStats, request);
  // The kubelet lives without, too: it reads the cgroups itself then.
  if (absl::IsUnimplemented(answer.status())) return "this server leaves them to others";
  RETURN_IF_ERROR(answer.status());
  return absl::StrCat(answer->stats().memory().working_set_bytes().value() / 1024, " KiB of memory, ",
                      answer->stats().cpu().usage_core_nano_seconds().value() / 1000000, " ms of CPU");
}

absl::StatusOr<std::string> Demo::Log() {
  const std::string path = absl::StrCat(options_.log_dir, "/web.log");
  std::ifstream file(path);
  if (!file) return absl::InternalError(absl::StrCat("log ", path, ": ", strerror(errno)));
  std::string text = path;
  for (std::string line; std::getline(file, line);) absl::StrAppend(&text, "\n                 ", line);
  return text;
}

absl::StatusOr<std::string> Demo::StopServer() {
  cri::StopContainerRequest stop;
  stop.set_container_id(server_);
  stop.set_timeout(5);
  RETURN_IF_ERROR(client_->Call("StopContainer", &Runtime::StopContainer, stop));
  cri::ContainerStatusRequest request;
  request.set_container_id(server_);
  ASSIGN_OR_RETURN(const cri::ContainerStatusResponse answer,
                   client_->Call("ContainerStatus", &Runtime::ContainerStatus, request));
  return absl::StrCat("exit status ", answer.status().exit_code(), ", ", answer.status().reason());
}

absl::StatusOr<std::string> Demo::StopPod() {
  cri::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(pod_);
  RETURN_IF_ERROR(client_->Call("StopPodSandbox", &Runtime::StopPodSandbox, request));
  return "";
}

absl::StatusOr<std::string> Demo::RemovePod() {
  cri::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(pod_);
  RETURN_IF_ERROR(client_->Call("RemovePodSandbox", &Runtime::RemovePodSandbox, request));
  return "";
}

// For a script that cleans up after a demonstration that was killed.
absl::Status RemoveAll(CriClient* client) {
  ASSIGN_OR_RETURN(const cri::ListPodSandboxResponse pods,
                   client->Call("ListPodSandbox", &Runtime::ListPodSandbox, cri::ListPodSandboxRequest()));
  absl::Status status;
  for (const cri::PodSandbox& pod : pods.items()) {
    cri::StopPodSandboxRequest stop;
    stop.set_pod_sandbox_id(pod.id());
    status = Join(status, client->Call("StopPodSandbox", &Runtime::StopPodSandbox, stop).status());
    cri::RemovePodSandboxRequest remove;
    remove.set_pod_sandbox_id(pod.id());
    status = Join(status, client->Call("RemovePodSandbox", &Runtime::RemovePodSandbox, remove).status());
  }
  return status;
}

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args) {
  Options options;
  const std::map<std::string, std::string*> strings = {{"--socket", &options.socket},
                                                       {"--log-dir", &options.log_dir},
                                                       {"--image", &options.image},
                                                       {"--cgroup-parent", &options.cgroup_parent}};
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& name = args[i];
    if (name == "--serve" || name == "--remove-all") {
      (name == "--serve" ? options.serve : options.remove_all) = true;
      continue;
    }
    if (i + 1 == args.size()) return absl::InvalidArgumentError(absl::StrCat("no option, or no value for it: ", name));
    const std::string& value = args[++i];
    if (const auto found = strings.find(name); found != strings.end()) {
      *found->second = value;
    } else if (name != "--host-port" || !absl::SimpleAtoi(value, &options.host_port)) {
      return absl::InvalidArgumentError(absl::StrCat("cannot make sense of ", name, " ", value));
    }
  }
  if (options.socket.empty()) return absl::InvalidArgumentError("--socket is needed");
  if (options.log_dir.empty() && !options.remove_all) return absl::InvalidArgumentError("--log-dir is needed");
  return options;
}

absl::Status Main(const std::vector<std::string>& args) {
  ASSIGN_OR_RETURN(const Options options, ParseOptions(args));
  const sigset_t set = EndSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);  // before gRPC makes its threads, which inherit it
  CriClient client(options.socket);
  RETURN_IF_ERROR(client.Connect());
  return options.remove_all ? RemoveAll(&client) : Demo(&client, options).Run();
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h")) {
    fputs(crisp::kUsage, stdout);
    return 0;
  }
  const absl::Status status = crisp::Main(args);
  if (status.ok()) return 0;
  fprintf(stderr, "crisp-demo: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}
