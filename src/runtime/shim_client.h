// ShimClient: the Shim that talks to a crisp-shim process over its socket (shim/protocol.h).
//
// shim.h documents the methods. It holds one ShimConnection, shared with callbacks that may still run on the reactor's
// thread while the client is destroyed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/shim.h"

namespace crisp {

class Reactor;
class ShimConnection;

class ShimClient : public Shim {
 public:
  // How long a method whose call is over waits for the shim to confirm that the request is undone. The shim gives a
  // killed runtime 2 s to die, and `delete --force` 10 s.
  static constexpr std::chrono::seconds kUndoTimeout{20};

  // As Shims::Launch and Shims::Connect. `reactor` and `listener` must outlive the client.
  static absl::StatusOr<std::unique_ptr<ShimClient>> Launch(Reactor& reactor, const std::string& pod_id,
                                                            const ShimPaths& paths, ShimListener* listener,
                                                            const CallContext& call);
  static absl::StatusOr<std::unique_ptr<ShimClient>> Connect(Reactor& reactor, const std::string& pod_id,
                                                             const ShimPaths& paths, ShimListener* listener,
                                                             const CallContext& call);
  ~ShimClient() override;
  ShimClient(const ShimClient&) = delete;
  ShimClient& operator=(const ShimClient&) = delete;

  // For tests, in place of kUndoTimeout.
  void set_undo_timeout(std::chrono::nanoseconds timeout);

  pid_t pid() const override;
  std::string build() const override;
  absl::StatusOr<std::vector<ShimContainer>> List(const CallContext& call) override;
  absl::StatusOr<StartedContainer> Start(const StartRequest& request, const CallContext& call) override;
  absl::Status Kill(const std::string& container_id, int signal, bool all, const CallContext& call) override;
  absl::Status Delete(const std::string& container_id, const CallContext& call) override;
  absl::StatusOr<ExecResult> Exec(const ExecRequest& request, const CallContext& call) override;
  absl::StatusOr<std::unique_ptr<ShimStream>> OpenExec(const ExecStreamRequest& request,
                                                       const CallContext& call) override;
  absl::StatusOr<std::unique_ptr<ShimStream>> Attach(const AttachRequest& request, const CallContext& call) override;
  absl::Status ReopenLog(const std::string& container_id, const CallContext& call) override;
  absl::Status Upgrade(const ShimProgram& program, const CallContext& call) override;
  absl::Status Shutdown(const CallContext& call) override;
  absl::Status Terminate(const CallContext& call) override;

 private:
  explicit ShimClient(std::shared_ptr<ShimConnection> connection);
  static absl::StatusOr<std::unique_ptr<ShimClient>> Open(Reactor& reactor, const std::string& pod_id,
                                                          const ShimPaths& paths, ShimListener* listener,
                                                          const CallContext& call);

  const std::shared_ptr<ShimConnection> connection_;
};

}  // namespace crisp
