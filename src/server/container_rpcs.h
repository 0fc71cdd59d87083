// ContainerRpcs: the RPCs that change containers or run something in them. What reads them is in state_rpcs.h and
// stats_rpcs.h.
//
// Thread-safe, as PodManager is. Errors are those of PodManager.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/call_context.h"

namespace crisp {

class PodManager;

class ContainerRpcs {
 public:
  // `pods` must outlive this. `max_response_bytes` is the size that a response of ExecSync is cut to.
  ContainerRpcs(PodManager* pods, size_t max_response_bytes) : pods_(pods), max_response_bytes_(max_response_bytes) {}

  absl::Status CreateContainer(const cri::CreateContainerRequest& request, const CallContext& call,
                               cri::CreateContainerResponse* response);
  absl::Status StartContainer(const cri::StartContainerRequest& request, const CallContext& call,
                              cri::StartContainerResponse* response);
  absl::Status StopContainer(const cri::StopContainerRequest& request, const CallContext& call,
                             cri::StopContainerResponse* response);
  absl::Status RemoveContainer(const cri::RemoveContainerRequest& request, const CallContext& call,
                               cri::RemoveContainerResponse* response);
  absl::Status UpdateContainerResources(const cri::UpdateContainerResourcesRequest& request, const CallContext& call,
                                        cri::UpdateContainerResourcesResponse* response);
  absl::Status ReopenContainerLog(const cri::ReopenContainerLogRequest& request, const CallContext& call,
                                  cri::ReopenContainerLogResponse* response);
  absl::Status ExecSync(const cri::ExecSyncRequest& request, const CallContext& call, cri::ExecSyncResponse* response);
  // Unimplemented.
  absl::Status CheckpointContainer(const cri::CheckpointContainerRequest& request,
                                   cri::CheckpointContainerResponse* response);

 private:
  PodManager* const pods_;
  const size_t max_response_bytes_;
};

}  // namespace crisp
