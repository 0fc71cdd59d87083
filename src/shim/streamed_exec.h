// StreamedExec: a process whose streams belong to the daemon: either pipes, whose ends came with the request, or a
// terminal, whose master is sent to the daemon. The shim copies no data; it starts the process, reports its end, and
// when the session is cancelled kills it with everything that it started. There is no deadline.
#pragma once

#include <functional>
#include <optional>

#include "os/fd.h"
#include "shim/connections.h"
#include "shim/console_socket.h"
#include "shim/context.h"
#include "shim/exec_process.h"
#include "shim/messages.h"
#include "shim/session.h"

namespace crisp::shim {

class StreamedExec : public Session {
 public:
  struct Client {
    std::function<void(Fd terminal)> opened;    // the process runs; its terminal's master if it has one
    std::function<void(const ExecEnd&)> ended;  // the last call
  };

  // `descriptors`: the OCI process object or the plan, then the ends for `request.streams`. `number` as for
  // ExecProcess.
  StreamedExec(Context context, const Container& container, uint64_t number, const ExecStream& request,
               Attached descriptors, Client client);

  void Begin();
  void Cancel(ErrorCode why) override;
  bool busy() const override { return process_.launching() || killing_; }
  std::string container_id() const override { return process_.container_id(); }
  void Save(SessionState owner, ShimState* state) const override;
  void Restore(const StreamedExecState& state);  // in place of Begin

 private:
  void OnLaunched(std::optional<Failure> failure);
  void Kill(Failure why);
  void Finish(ExecEnd end);

  const bool terminal_;
  Client client_;
  ExecProcess process_;
  ConsoleSocket console_;
  Fd ends_[3];
  bool killing_ = false;
};

}  // namespace crisp::shim
