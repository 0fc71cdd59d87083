// StreamingRpcs: Exec, Attach and PortForward. Each answers with a URL of the streaming server that is good once.
//
// The requests are checked before a URL is given out, so that the caller of the RPC learns of a mistake, and not only
// the client that opens the URL.
//
// Thread-safe. Errors: InvalidArgument naming the field; NotFound for an unknown pod or container; FailedPrecondition
// for a container that does not run or a pod that is not ready; ResourceExhausted for too many unused URLs.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"

namespace crisp {

class StatusView;
class StreamServer;

class StreamingRpcs {
 public:
  // Both must outlive this.
  StreamingRpcs(const StatusView* status, StreamServer* streams) : status_(status), streams_(streams) {}

  absl::Status Exec(const cri::ExecRequest& request, cri::ExecResponse* response);
  absl::Status Attach(const cri::AttachRequest& request, cri::AttachResponse* response);
  absl::Status PortForward(const cri::PortForwardRequest& request, cri::PortForwardResponse* response);

 private:
  // The full id of a running container.
  absl::StatusOr<std::string> RunningContainer(const std::string& id);

  const StatusView* const status_;
  StreamServer* const streams_;
};

}  // namespace crisp
