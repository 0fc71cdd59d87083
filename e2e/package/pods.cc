// e2e-pods: the CRI client of e2e/package_trial.sh. Each run is one connection, as crictl's are.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "api/cri/api.pb.h"
#include "api/cri/cri.h"
#include "base/status_macros.h"
#include "deploy/demo/cri_client.h"

namespace crisp {
namespace {

constexpr char kUsage[] = R"(usage: e2e-pods SOCKET COMMAND

  version             asks for the server's version
  run NAME DIR        runs a pod whose container counts into DIR/NAME.log; its id is printed
  list                prints the pods and the containers, a line each: kind, id, name, state
  remove              removes every pod
)";

// A line every two milliseconds, numbered from 0.
constexpr char kCounter[] = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.002; done";
constexpr char kImage[] = "docker.io/library/busybox:latest";

using Runtime = CriClient::Runtime;

absl::Status Version(CriClient* client) {
  return client->Call("Version", &Runtime::Version, cri::VersionRequest()).status();
}

absl::StatusOr<std::string> RunPod(CriClient* client, const cri::PodSandboxConfig& config) {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  ASSIGN_OR_RETURN(const cri::RunPodSandboxResponse answer,
                   client->Call("RunPodSandbox", &Runtime::RunPodSandbox, request));
  return answer.pod_sandbox_id();
}

absl::StatusOr<std::string> CreateCounter(CriClient* client, const cri::PodSandboxConfig& pod_config,
                                          const std::string& pod) {
  cri::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod);
  *request.mutable_sandbox_config() = pod_config;
  cri::ContainerConfig* config = request.mutable_config();
  config->mutable_metadata()->set_name("counter");
  config->mutable_image()->set_image(kImage);
  for (const char* word : {"/bin/sh", "-c", kCounter}) config->add_command(word);
  config->set_log_path(absl::StrCat(pod_config.metadata().name(), ".log"));
  ASSIGN_OR_RETURN(const cri::CreateContainerResponse answer,
                   client->Call("CreateContainer", &Runtime::CreateContainer, request));
  return answer.container_id();
}

absl::Status RunCounter(CriClient* client, const std::string& name, const std::string& log_directory) {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid(name);
  config.set_hostname(name);
  config.set_log_directory(log_directory);
  config.mutable_linux()->set_cgroup_parent("trial.slice");
  ASSIGN_OR_RETURN(const std::string pod, RunPod(client, config));
  cri::StartContainerRequest start;
  ASSIGN_OR_RETURN(*start.mutable_container_id(), CreateCounter(client, config, pod));
  RETURN_IF_ERROR(client->Call("StartContainer", &Runtime::StartContainer, start).status());
  printf("%s\n", pod.c_str());
  return absl::OkStatus();
}

absl::StatusOr<cri::ListPodSandboxResponse> Pods(CriClient* client) {
  return client->Call("ListPodSandbox", &Runtime::ListPodSandbox, cri::ListPodSandboxRequest());
}

absl::Status List(CriClient* client) {
  ASSIGN_OR_RETURN(const cri::ListPodSandboxResponse pods, Pods(client));
  for (const cri::PodSandbox& pod : pods.items()) {
    printf("pod %s %s %s\n", pod.id().c_str(), pod.metadata().name().c_str(),
           cri::PodSandboxState_Name(pod.state()).c_str());
  }
  ASSIGN_OR_RETURN(const cri::ListContainersResponse containers,
                   client->Call("ListContainers", &Runtime::ListContainers, cri::ListContainersRequest()));
  for (const cri::Container& container : containers.containers()) {
    printf("container %s %s %s\n", container.id().c_str(), container.metadata().name().c_str(),
           cri::ContainerState_Name(container.state()).c_str());
  }
  return absl::OkStatus();
}

absl::Status RemoveAll(CriClient* client) {
  ASSIGN_OR_RETURN(const cri::ListPodSandboxResponse pods, Pods(client));
  for (const cri::PodSandbox& pod : pods.items()) {
    cri::StopPodSandboxRequest stop;
    stop.set_pod_sandbox_id(pod.id());
    RETURN_IF_ERROR(client->Call("StopPodSandbox", &Runtime::StopPodSandbox, stop).status());
    cri::RemovePodSandboxRequest remove;
    remove.set_pod_sandbox_id(pod.id());
    RETURN_IF_ERROR(client->Call("RemovePodSandbox", &Runtime::RemovePodSandbox, remove).status());
  }
  return absl::OkStatus();
}

absl::Status Main(const std::vector<std::string>& args) {
  if (args.size() < 2) return absl::InvalidArgumentError(kUsage);
  CriClient client(args[0]);
  const std::string& command = args[1];
  if (command == "version" && args.size() == 2) return Version(&client);
  if (command == "run" && args.size() == 4) return RunCounter(&client, args[2], args[3]);
  if (command == "list" && args.size() == 2) return List(&client);
  if (command == "remove" && args.size() == 2) return RemoveAll(&client);
  return absl::InvalidArgumentError(kUsage);
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  const absl::Status status = crisp::Main(std::vector<std::string>(argv + 1, argv + argc));
  if (status.ok()) return 0;
  fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}
