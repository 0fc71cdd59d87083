// PodStreams: exec, attach and port-forward for the streaming server (streaming/stream_target.h).
//
// Ownership: sessions may outlive the object; they end with the pod's shim.
// Threading and errors: as StreamTarget says.
#pragma once

#include "sandbox/pod_table.h"
#include "streaming/stream_target.h"

namespace crisp {

class ContainerExec;

class PodStreams : public StreamTarget {
 public:
  // Both must outlive the object.
  PodStreams(const PodTable* table, const ContainerExec* exec) : table_(table), exec_(exec) {}

  // In the container's environment, as its user. `request.container_id` may be a prefix of the id.
  absl::StatusOr<std::unique_ptr<StreamSession>> OpenExec(const StreamRequest& request,
                                                          const CallContext& call) override;
  // The container decides whether there is a terminal, not the request. FailedPrecondition for input to a container
  // that was created without stdin.
  absl::StatusOr<std::unique_ptr<StreamSession>> OpenAttach(const StreamRequest& request,
                                                            const CallContext& call) override;
  absl::StatusOr<LoopbackDial> Dial(const std::string& pod_id, uint16_t port) override;

 private:
  const PodTable* const table_;
  const ContainerExec* const exec_;
};

}  // namespace crisp
