// DaemonClient: asks a running crispd over its socket.
//
// Not thread-safe. Errors: Unavailable if nobody listens; DeadlineExceeded if there is no answer within `call`;
// Internal with the daemon's text else.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

class CallContext;

struct DaemonCondition {
  std::string type;  // "RuntimeReady"
  bool status = false;
  std::string reason;
  std::string message;
};

struct DaemonStatus {
  std::vector<DaemonCondition> conditions;
  std::string operations;  // JSON (base/operations.h); empty if the daemon does not tell
};

class DaemonClient {
 public:
  // `socket` is a path. Connects when it is first used.
  explicit DaemonClient(const std::string& socket);
  ~DaemonClient();
  DaemonClient(const DaemonClient&) = delete;
  DaemonClient& operator=(const DaemonClient&) = delete;

  absl::StatusOr<std::string> Version(const CallContext& call);  // "crisp 0.1.0": name and version
  absl::StatusOr<DaemonStatus> Status(const CallContext& call);
  absl::StatusOr<bool> HasImage(const std::string& image, const CallContext& call);

 private:
  struct Stubs;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace crisp
