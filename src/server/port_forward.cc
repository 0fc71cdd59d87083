#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"
#include "streaming/stream_server.h"

namespace crisp {

grpc::Status RuntimeService::PortForward(grpc::ServerContext*, const cri::PortForwardRequest* in,
                                         cri::PortForwardResponse* out) {
  return Serve({"PortForward", LogLevel::kInfo, in->pod_sandbox_id()}, [&]() -> absl::Status {
    for (const int32_t port : in->port()) {
      if (port < 1 || port > UINT16_MAX) {
        return absl::InvalidArgumentError(absl::StrCat("field port: ", port, " is not a port; 1 to 65535 are"));
      }
    }
    ASSIGN_OR_RETURN(const cri::PodSandboxStatusResponse pod, pods_->PodStatus(in->pod_sandbox_id(), false));
    if (pod.status().state() != cri::SANDBOX_READY) {
      return absl::FailedPreconditionError(absl::StrCat("pod ", pod.status().id(), " is not ready"));
    }
    ASSIGN_OR_RETURN(*out->mutable_url(), streams_->PortForwardUrl(pod.status().id()));
    return absl::OkStatus();
  });
}

}  // namespace crisp
