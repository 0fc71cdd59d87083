// PodRpcs: the RPCs that change pods. What reads them is in state_rpcs.h and stats_rpcs.h.
//
// Thread-safe, as PodManager is. Errors are those of PodManager.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/call_context.h"

namespace crisp {

class PodManager;

class PodRpcs {
 public:
  // `pods` must outlive this.
  explicit PodRpcs(PodManager* pods) : pods_(pods) {}

  absl::Status RunPodSandbox(const cri::RunPodSandboxRequest& request, const CallContext& call,
                             cri::RunPodSandboxResponse* response);
  absl::Status StopPodSandbox(const cri::StopPodSandboxRequest& request, const CallContext& call,
                              cri::StopPodSandboxResponse* response);
  absl::Status RemovePodSandbox(const cri::RemovePodSandboxRequest& request, const CallContext& call,
                                cri::RemovePodSandboxResponse* response);
  absl::Status UpdatePodSandboxResources(const cri::UpdatePodSandboxResourcesRequest& request, const CallContext& call,
                                         cri::UpdatePodSandboxResourcesResponse* response);

 private:
  PodManager* const pods_;
};

}  // namespace crisp
