#include "e2e/client.h"

namespace crisp::e2e {
namespace {

// The kubelet's cap on a message that it receives.
constexpr int kMaxMessage = 16 << 20;

const char* CodeName(grpc::StatusCode code) {
  static const char* const kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return code >= 0 && code <= 16 ? kNames[code] : "?";
}

template <typename Request>
Request WithPod(const std::string& id) {
  Request request;
  request.set_pod_sandbox_id(id);
  return request;
}

template <typename Request>
Request WithContainer(const std::string& id) {
  Request request;
  request.set_container_id(id);
  return request;
}

template <typename Request>
Request WithImage(const std::string& image) {
  Request request;
  request.mutable_image()->set_image(image);
  return request;
}

}  // namespace

std::string Describe(const grpc::Status& status) {
  return std::string(CodeName(status.error_code())) + ": " + status.error_message();
}

Cri::Cri(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);  // tests restart the daemon
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
  runtime_ = cri::RuntimeService::NewStub(channel);
  images_ = cri::ImageService::NewStub(channel);
}

Answer<cri::VersionResponse> Cri::Version() {
  return Call(&Runtime::Version, cri::VersionRequest());
}

Answer<cri::StatusResponse> Cri::Status(bool verbose) {
  cri::StatusRequest request;
  request.set_verbose(verbose);
  return Call(&Runtime::Status, request);
}

Answer<cri::RunPodSandboxResponse> Cri::RunPod(const cri::PodSandboxConfig& config, std::chrono::milliseconds timeout,
                                               const std::string& handler) {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  request.set_runtime_handler(handler);
  return Call(&Runtime::RunPodSandbox, request, timeout);
}

Answer<cri::StopPodSandboxResponse> Cri::StopPod(const std::string& id) {
  return Call(&Runtime::StopPodSandbox, WithPod<cri::StopPodSandboxRequest>(id));
}

Answer<cri::RemovePodSandboxResponse> Cri::RemovePod(const std::string& id) {
  return Call(&Runtime::RemovePodSandbox, WithPod<cri::RemovePodSandboxRequest>(id));
}

Answer<cri::PodSandboxStatusResponse> Cri::PodStatus(const std::string& id, bool verbose) {
  auto request = WithPod<cri::PodSandboxStatusRequest>(id);
  request.set_verbose(verbose);
  return Call(&Runtime::PodSandboxStatus, request);
}

Answer<cri::ListPodSandboxResponse> Cri::ListPods(const cri::PodSandboxFilter& filter) {
  cri::ListPodSandboxRequest request;
  *request.mutable_filter() = filter;
  return Call(&Runtime::ListPodSandbox, request);
}

Answer<cri::CreateContainerResponse> Cri::CreateContainer(const std::string& pod,
                                                          const cri::PodSandboxConfig& pod_config,
                                                          const cri::ContainerConfig& config,
                                                          std::chrono::milliseconds timeout) {
  auto request = WithPod<cri::CreateContainerRequest>(pod);
  *request.mutable_sandbox_config() = pod_config;
  *request.mutable_config() = config;
  return Call(&Runtime::CreateContainer, request, timeout);
}

Answer<cri::StartContainerResponse> Cri::StartContainer(const std::string& id) {
  return Call(&Runtime::StartContainer, WithContainer<cri::StartContainerRequest>(id));
}

Answer<cri::StopContainerResponse> Cri::StopContainer(const std::string& id, int64_t grace_seconds) {
  auto request = WithContainer<cri::StopContainerRequest>(id);
  request.set_timeout(grace_seconds);
  return Call(&Runtime::StopContainer, request, kCallTimeout + std::chrono::seconds(grace_seconds));
}

Answer<cri::RemoveContainerResponse> Cri::RemoveContainer(const std::string& id) {
  return Call(&Runtime::RemoveContainer, WithContainer<cri::RemoveContainerRequest>(id));
}

Answer<cri::ContainerStatusResponse> Cri::ContainerStatus(const std::string& id, bool verbose) {
  auto request = WithContainer<cri::ContainerStatusRequest>(id);
  request.set_verbose(verbose);
  return Call(&Runtime::ContainerStatus, request);
}

Answer<cri::ListContainersResponse> Cri::ListContainers(const cri::ContainerFilter& filter) {
  cri::ListContainersRequest request;
  *request.mutable_filter() = filter;
  return Call(&Runtime::ListContainers, request);
}

Answer<cri::ExecSyncResponse> Cri::Exec(const std::string& id, const std::vector<std::string>& command,
                                        int64_t timeout_seconds) {
  auto request = WithContainer<cri::ExecSyncRequest>(id);
  for (const std::string& word : command) request.add_cmd(word);
  request.set_timeout(timeout_seconds);
  return Call(&Runtime::ExecSync, request);
}

Answer<cri::ReopenContainerLogResponse> Cri::ReopenLog(const std::string& id) {
  return Call(&Runtime::ReopenContainerLog, WithContainer<cri::ReopenContainerLogRequest>(id));
}

Answer<cri::PullImageResponse> Cri::Pull(const std::string& image, std::chrono::milliseconds timeout) {
  return Call(&ImageStub::PullImage, WithImage<cri::PullImageRequest>(image), timeout);
}

Answer<cri::ImageStatusResponse> Cri::ImageStatus(const std::string& image, bool verbose) {
  auto request = WithImage<cri::ImageStatusRequest>(image);
  request.set_verbose(verbose);
  return Call(&ImageStub::ImageStatus, request);
}

Answer<cri::ListImagesResponse> Cri::ListImages(const std::string& filter) {
  cri::ListImagesRequest request;
  if (!filter.empty()) request.mutable_filter()->mutable_image()->set_image(filter);
  return Call(&ImageStub::ListImages, request);
}

Answer<cri::RemoveImageResponse> Cri::RemoveImage(const std::string& image) {
  return Call(&ImageStub::RemoveImage, WithImage<cri::RemoveImageRequest>(image));
}

Answer<cri::ImageFsInfoResponse> Cri::ImageFsInfo() {
  return Call(&ImageStub::ImageFsInfo, cri::ImageFsInfoRequest());
}

}  // namespace crisp::e2e
