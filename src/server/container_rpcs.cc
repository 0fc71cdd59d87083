#include "server/container_rpcs.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "sandbox/container_exec.h"
#include "sandbox/pod_manager.h"

namespace crisp {
namespace {

// The protobuf tags and lengths around the two outputs of an ExecSync.
constexpr size_t kEnvelope = 1024;

// Each output alone may be as long as a whole message. Cuts the longer one first.
void CutToFit(cri::ExecSyncResponse* response, size_t limit) {
  std::string& output = *response->mutable_stdout();
  std::string& errors = *response->mutable_stderr();
  const size_t room = limit - std::min(limit, kEnvelope);
  if (output.size() + errors.size() <= room) return;
  std::string& longer = output.size() >= errors.size() ? output : errors;
  std::string& shorter = output.size() >= errors.size() ? errors : output;
  shorter.resize(std::min(shorter.size(), room / 2));
  longer.resize(std::min(longer.size(), room - shorter.size()));
}

}  // namespace

absl::Status ContainerRpcs::CreateContainer(const cri::CreateContainerRequest& request, const CallContext& call,
                                            cri::CreateContainerResponse* response) {
  ASSIGN_OR_RETURN(std::string id, pods_->CreateContainer(request, call));
  response->set_container_id(std::move(id));
  return absl::OkStatus();
}

absl::Status ContainerRpcs::StartContainer(const cri::StartContainerRequest& request, const CallContext& call,
                                           cri::StartContainerResponse*) {
  return pods_->StartContainer(request.container_id(), call);
}

absl::Status ContainerRpcs::StopContainer(const cri::StopContainerRequest& request, const CallContext& call,
                                          cri::StopContainerResponse*) {
  return pods_->StopContainer(request.container_id(), request.timeout(), call);
}

absl::Status ContainerRpcs::RemoveContainer(const cri::RemoveContainerRequest& request, const CallContext& call,
                                            cri::RemoveContainerResponse*) {
  return pods_->RemoveContainer(request.container_id(), call);
}

absl::Status ContainerRpcs::UpdateContainerResources(const cri::UpdateContainerResourcesRequest& request,
                                                     const CallContext& call, cri::UpdateContainerResourcesResponse*) {
  return pods_->UpdateContainer(request, call);
}

absl::Status ContainerRpcs::ReopenContainerLog(const cri::ReopenContainerLogRequest& request, const CallContext& call,
                                               cri::ReopenContainerLogResponse*) {
  return pods_->exec().ReopenLog(request.container_id(), call);
}

absl::Status ContainerRpcs::ExecSync(const cri::ExecSyncRequest& request, const CallContext& call,
                                     cri::ExecSyncResponse* response) {
  ASSIGN_OR_RETURN(*response, pods_->exec().ExecSync(request, call));
  CutToFit(response, max_response_bytes_);
  return absl::OkStatus();
}

// The text begins as gRPC's own for a method that a server does not have: Kubernetes' clients pass over a missing
// checkpoint by these words only. It gives the reason, so that nobody looks for a switch that turns checkpoints on.
absl::Status ContainerRpcs::CheckpointContainer(const cri::CheckpointContainerRequest&,
                                                cri::CheckpointContainerResponse*) {
  return absl::UnimplementedError(
      "unknown method CheckpointContainer for service runtime.v1.RuntimeService: crisp does not checkpoint containers, "
      "which would take CRIU, and an archive with all of the container's memory that crisp could not restore");
}

}  // namespace crisp
