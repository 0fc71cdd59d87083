#include "server/streaming_rpcs.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "stats/status_view.h"
#include "streaming/stream_server.h"

namespace crisp {
namespace {

// The streams that an ExecRequest or AttachRequest asks for. A terminal has one output, so stderr cannot be asked for.
template <typename Request>
absl::StatusOr<StdioStreams> StreamsOf(const Request& request) {
  if (!request.stdin() && !request.stdout() && !request.stderr()) {
    return absl::InvalidArgumentError("fields stdin, stdout, stderr: at least one must be true");
  }
  if (request.tty() && request.stderr()) {
    return absl::InvalidArgumentError(
        "field stderr: must be false with tty, whose output carries both; ask for stdout");
  }
  return StdioStreams{request.tty(), request.stdin(), request.stdout(), request.stderr()};
}

}  // namespace

absl::Status StreamingRpcs::Exec(const cri::ExecRequest& request, cri::ExecResponse* response) {
  if (request.cmd().empty()) return absl::InvalidArgumentError("field cmd: must not be empty");
  StreamRequest exec;
  ASSIGN_OR_RETURN(exec.streams, StreamsOf(request));
  ASSIGN_OR_RETURN(exec.container_id, RunningContainer(request.container_id()));
  exec.command.assign(request.cmd().begin(), request.cmd().end());
  ASSIGN_OR_RETURN(*response->mutable_url(), streams_->ExecUrl(std::move(exec)));
  return absl::OkStatus();
}

absl::Status StreamingRpcs::Attach(const cri::AttachRequest& request, cri::AttachResponse* response) {
  StreamRequest attach;
  ASSIGN_OR_RETURN(attach.streams, StreamsOf(request));
  ASSIGN_OR_RETURN(attach.container_id, RunningContainer(request.container_id()));
  ASSIGN_OR_RETURN(*response->mutable_url(), streams_->AttachUrl(std::move(attach)));
  return absl::OkStatus();
}

absl::Status StreamingRpcs::PortForward(const cri::PortForwardRequest& request, cri::PortForwardResponse* response) {
  std::vector<uint16_t> ports;
  for (const int32_t port : request.port()) {
    if (port < 1 || port > UINT16_MAX) {
      return absl::InvalidArgumentError(absl::StrCat("field port: ", port, " is not a port; 1 to 65535 are"));
    }
    ports.push_back(static_cast<uint16_t>(port));
  }
  ASSIGN_OR_RETURN(const cri::PodSandboxStatusResponse pod, status_->OfPod(request.pod_sandbox_id(), false));
  if (pod.status().state() != cri::SANDBOX_READY) {
    return absl::FailedPreconditionError(absl::StrCat("pod ", pod.status().id(), " is not ready"));
  }
  ASSIGN_OR_RETURN(*response->mutable_url(), streams_->PortForwardUrl(pod.status().id(), std::move(ports)));
  return absl::OkStatus();
}

absl::StatusOr<std::string> StreamingRpcs::RunningContainer(const std::string& id) {
  ASSIGN_OR_RETURN(const cri::ContainerStatusResponse container, status_->OfContainer(id, false));
  const std::string& full_id = container.status().id();
  if (container.status().state() != cri::CONTAINER_RUNNING) {
    return absl::FailedPreconditionError(absl::StrCat("container ", full_id, " is not running"));
  }
  return full_id;
}

}  // namespace crisp
