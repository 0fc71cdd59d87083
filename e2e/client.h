// Cri: a CRI client, with a short method for each RPC whose arguments are what the tests vary.
//
// Every call answers with the gRPC status and the response. Must returns the response, and throws if the call has
// failed. Deadlines are set by the client, kCallTimeout unless a call names another.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/cri/api.grpc.pb.h"
#include "api/cri/cri.h"

namespace crisp::e2e {

inline constexpr std::chrono::milliseconds kCallTimeout{60000};

template <typename T>
struct Answer {
  grpc::Status status;
  T value;

  bool ok() const { return status.ok(); }
  grpc::StatusCode code() const { return status.error_code(); }
  std::string text() const { return status.error_message(); }
};

// "NOT_FOUND: <message>", for messages of tests.
std::string Describe(const grpc::Status& status);

template <typename T>
T Must(Answer<T> answer) {
  if (!answer.ok()) throw std::runtime_error("the call failed: " + Describe(answer.status));
  return std::move(answer.value);
}

// Thread-safe.
class Cri {
 public:
  // Connects when it is first used. `socket` is the path of crispd's unix socket.
  explicit Cri(const std::string& socket);

  template <typename Stub, typename Request, typename Response>
  Answer<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                        const Request& request, std::chrono::milliseconds timeout = kCallTimeout) {
    grpc::ClientContext context;
    return Call(method, request, timeout, &context);
  }
  // With a context of the caller's, which another thread may cancel.
  template <typename Stub, typename Request, typename Response>
  Answer<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                        const Request& request, std::chrono::milliseconds timeout, grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + timeout);
    Answer<Response> answer;
    answer.status = (StubFor<Stub>()->*method)(context, request, &answer.value);
    return answer;
  }

  // For calls that are answered by a stream.
  cri::RuntimeService::Stub& runtime() { return *runtime_; }
  cri::ImageService::Stub& image_service() { return *images_; }

  Answer<cri::VersionResponse> Version();
  Answer<cri::StatusResponse> Status(bool verbose = false);

  Answer<cri::RunPodSandboxResponse> RunPod(const cri::PodSandboxConfig& config,
                                            std::chrono::milliseconds timeout = kCallTimeout,
                                            const std::string& handler = "");
  Answer<cri::StopPodSandboxResponse> StopPod(const std::string& id);
  Answer<cri::RemovePodSandboxResponse> RemovePod(const std::string& id);
  Answer<cri::PodSandboxStatusResponse> PodStatus(const std::string& id, bool verbose = false);
  Answer<cri::ListPodSandboxResponse> ListPods(const cri::PodSandboxFilter& filter = {});

  Answer<cri::CreateContainerResponse> CreateContainer(const std::string& pod, const cri::PodSandboxConfig& pod_config,
                                                       const cri::ContainerConfig& config,
                                                       std::chrono::milliseconds timeout = kCallTimeout);
  Answer<cri::StartContainerResponse> StartContainer(const std::string& id);
  Answer<cri::StopContainerResponse> StopContainer(const std::string& id, int64_t grace_seconds);
  Answer<cri::RemoveContainerResponse> RemoveContainer(const std::string& id);
  Answer<cri::ContainerStatusResponse> ContainerStatus(const std::string& id, bool verbose = false);
  Answer<cri::ListContainersResponse> ListContainers(const cri::ContainerFilter& filter = {});
  Answer<cri::ExecSyncResponse> Exec(const std::string& id, const std::vector<std::string>& command,
                                     int64_t timeout_seconds = 0);
  Answer<cri::ReopenContainerLogResponse> ReopenLog(const std::string& id);

  Answer<cri::PullImageResponse> Pull(const std::string& image, std::chrono::milliseconds timeout = kCallTimeout);
  Answer<cri::ImageStatusResponse> ImageStatus(const std::string& image, bool verbose = false);
  Answer<cri::ListImagesResponse> ListImages(const std::string& filter = "");
  Answer<cri::RemoveImageResponse> RemoveImage(const std::string& image);
  Answer<cri::ImageFsInfoResponse> ImageFsInfo();

 private:
  template <typename Stub>
  Stub* StubFor() {
    if constexpr (std::is_same_v<Stub, cri::RuntimeService::Stub>) {
      return runtime_.get();
    } else {
      return images_.get();
    }
  }

  std::unique_ptr<cri::RuntimeService::Stub> runtime_;
  std::unique_ptr<cri::ImageService::Stub> images_;
};

using Runtime = cri::RuntimeService::Stub;
using ImageStub = cri::ImageService::Stub;

}  // namespace crisp::e2e
