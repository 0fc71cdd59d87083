// PodStreams: the pods and containers of a PodManager as the streaming server wants them (streaming/stream_target.h).
//
// Ownership: the manager must outlive it; sessions that it gives away outlive both, and end with the pod's shim.
// Threading and errors: as StreamTarget says.
#pragma once

#include "sandbox/pod_manager.h"
#include "streaming/stream_target.h"

namespace crisp {

class PodStreams : public StreamTarget {
 public:
  explicit PodStreams(PodManager* manager) : manager_(manager) {}

  // In the container's environment, as its user. `request.container_id` may be a prefix, as everywhere.
  absl::StatusOr<std::unique_ptr<StreamSession>> OpenExec(const StreamRequest& request, const Call& call) override;
  // What the container is decides whether there is a terminal, not the request. FailedPrecondition for input to one
  // that was made without stdin.
  absl::StatusOr<std::unique_ptr<StreamSession>> OpenAttach(const StreamRequest& request, const Call& call) override;
  absl::StatusOr<LoopbackDial> Dial(const std::string& pod_id, uint16_t port) override;

 private:
  PodManager* const manager_;
};

}  // namespace crisp
