#include "base/status_macros.h"
#include "server/edge.h"
#include "server/runtime_service.h"
#include "server/stream_request.h"
#include "streaming/stream_server.h"

namespace crisp {

grpc::Status RuntimeService::Exec(grpc::ServerContext*, const cri::ExecRequest* in, cri::ExecResponse* out) {
  return Serve({"Exec", LogLevel::kInfo, in->container_id()}, [&]() -> absl::Status {
    if (in->cmd().empty()) return absl::InvalidArgumentError("field cmd: must not be empty");
    RETURN_IF_ERROR(CheckStreams(*in));
    StreamRequest request;
    ASSIGN_OR_RETURN(request.container_id, RunningContainer(pods_, in->container_id()));
    request.command.assign(in->cmd().begin(), in->cmd().end());
    request.terminal = in->tty();
    request.input = in->stdin();
    request.output = in->stdout();
    request.error_output = in->stderr();
    ASSIGN_OR_RETURN(*out->mutable_url(), streams_->ExecUrl(std::move(request)));
    return absl::OkStatus();
  });
}

}  // namespace crisp
