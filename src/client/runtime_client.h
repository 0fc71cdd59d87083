// RuntimeClient: the calls of one runtime, CRI's and crisp's own.
//
// A request's type names the call: Call(cri::VersionRequest) is Version. Each answer comes within a deadline, but for
// those that may last: pulls, stops, events. Errors have the call's code and text; one that the runtime does not have
// is Unimplemented and names the runtime. Unavailable says which socket nobody answers on.
//
// Threading: from one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "api/crisp/v1/crisp.pb.h"

namespace crisp::client {

namespace own = ::crisp::v1;

class RuntimeClient {
 public:
  static constexpr std::chrono::seconds kTimeout{60};

  // Connects with the first call. `socket` is a path.
  explicit RuntimeClient(const std::string& socket);
  ~RuntimeClient();

  absl::StatusOr<cri::VersionResponse> Call(const cri::VersionRequest& request);
  absl::StatusOr<cri::StatusResponse> Call(const cri::StatusRequest& request);
  absl::StatusOr<cri::RuntimeConfigResponse> Call(const cri::RuntimeConfigRequest& request);

  absl::StatusOr<cri::RunPodSandboxResponse> Call(const cri::RunPodSandboxRequest& request);
  absl::StatusOr<cri::StopPodSandboxResponse> Call(const cri::StopPodSandboxRequest& request);
  absl::StatusOr<cri::RemovePodSandboxResponse> Call(const cri::RemovePodSandboxRequest& request);
  absl::StatusOr<cri::PodSandboxStatusResponse> Call(const cri::PodSandboxStatusRequest& request);
  absl::StatusOr<cri::ListPodSandboxResponse> Call(const cri::ListPodSandboxRequest& request);

  absl::StatusOr<cri::CreateContainerResponse> Call(const cri::CreateContainerRequest& request);
  absl::StatusOr<cri::StartContainerResponse> Call(const cri::StartContainerRequest& request);
  // Within the grace period that the request names, and kTimeout.
  absl::StatusOr<cri::StopContainerResponse> Call(const cri::StopContainerRequest& request);
  absl::StatusOr<cri::RemoveContainerResponse> Call(const cri::RemoveContainerRequest& request);
  absl::StatusOr<cri::ContainerStatusResponse> Call(const cri::ContainerStatusRequest& request);
  absl::StatusOr<cri::ListContainersResponse> Call(const cri::ListContainersRequest& request);
  absl::StatusOr<cri::UpdateContainerResourcesResponse> Call(const cri::UpdateContainerResourcesRequest& request);

  absl::StatusOr<cri::ExecResponse> Call(const cri::ExecRequest& request);
  absl::StatusOr<cri::AttachResponse> Call(const cri::AttachRequest& request);

  absl::StatusOr<cri::ListContainerStatsResponse> Call(const cri::ListContainerStatsRequest& request);
  absl::StatusOr<cri::ListPodSandboxStatsResponse> Call(const cri::ListPodSandboxStatsRequest& request);

  absl::StatusOr<cri::ListImagesResponse> Call(const cri::ListImagesRequest& request);
  absl::StatusOr<cri::ImageStatusResponse> Call(const cri::ImageStatusRequest& request);
  absl::StatusOr<cri::PullImageResponse> Call(const cri::PullImageRequest& request);  // no deadline
  absl::StatusOr<cri::RemoveImageResponse> Call(const cri::RemoveImageRequest& request);
  absl::StatusOr<cri::ImageFsInfoResponse> Call(const cri::ImageFsInfoRequest& request);

  absl::StatusOr<own::ListPullsResponse> Call(const own::ListPullsRequest& request);
  absl::StatusOr<own::TagResponse> Call(const own::TagRequest& request);
  absl::StatusOr<own::UntagResponse> Call(const own::UntagRequest& request);
  absl::StatusOr<own::DescribeResponse> Call(const own::DescribeRequest& request);
  absl::StatusOr<own::PageResponse> Call(const own::PageRequest& request);

  // Calls answered by streams. They last until the stream ends; OK if it ended well, or if `take` has returned false.
  absl::Status Pull(const own::PullRequest& request, const std::function<bool(const own::PullProgress&)>& take);
  absl::Status Events(const std::function<bool(const cri::ContainerEventResponse&)>& take);

  const std::string& socket() const { return socket_; }
  // "crisp", "containerd", "cri-o"; asked once. "the runtime" if it does not answer.
  const std::string& Name();

 private:
  struct Stubs;

  const std::string socket_;
  const std::unique_ptr<Stubs> stubs_;
  std::string name_;
};

}  // namespace crisp::client
