// ContainerIo: the streams of one container: its pipes or its terminal, its log, and the clients attached to it.
//
// With a terminal there is one output stream, logged as stdout, and stdin is the terminal too.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "shim/connections.h"
#include "shim/console_socket.h"
#include "shim/context.h"
#include "shim/input.h"
#include "shim/log_pump.h"
#include "shim/messages.h"
#include "shim/runtime_command.h"
#include "shim/state.h"
#include "shim/stdio_owner.h"
#include "shim/tee.h"

namespace crisp::shim {

class ContainerIo {
 public:
  struct Watcher {
    uint64_t number;                           // of the attachment, unique in this shim
    std::function<void(Tee::Parting)> parted;  // called for each output stream that it asked for
    std::function<void(int exit_code)> exited;
  };

  // `log_loss` as for LogPump.
  ContainerIo(Context context, LogPump::Told log_loss)
      : tees_{Tee(context.loop), Tee(context.loop)}, pump_(context, tees_, std::move(log_loss)), input_(context.loop) {}

  // Opens the log and makes the pipes, or the socket for the terminal.
  std::optional<Failure> Open(const Start& request);
  // The descriptors to run `create` with.
  void FillStdio(int (&stdio)[3]) const;
  std::string console_socket() const { return console_.path(); }
  // The content of the stderr pipe. After a failed `create` that is the runtime's own message.
  std::string TakeStderr();

  // After `create` has succeeded: takes the terminal, closes the container's ends of the pipes and begins to read.
  // `ended` as for LogPump.
  std::optional<Failure> Run(std::function<void()> ended);
  // After `create` has failed.
  void Abandon() { console_.Close(); }
  bool ended() const { return pump_.ended(); }
  void Drain() { pump_.Drain(); }
  void Finish() { pump_.Finish(); }
  int Reopen() { return pump_.Reopen(); }
  LogLoss log_loss() const { return pump_.loss(); }
  // Tells the attached clients of the container's exit.
  void ReportExit(int exit_code);

  // For an upgrade: in place of Open and Run. Then each attached client is watched anew.
  IoState Save() const;
  void Restore(const IoState& state, const Start& request, std::function<void()> ended);
  void Rewatch(Watcher watcher);

  // Attaches a client: `ends` are its pipes for `streams`, in order. The watcher may be called before this returns.
  void Attach(uint8_t streams, Attached ends, Watcher watcher);
  void Detach(uint64_t number);
  // A new descriptor of the terminal's master, with which a client can set its size; invalid without a terminal.
  Fd Terminal() const;

 private:
  int MakePipes(bool input, bool output, const StdioOwner& owner);

  Tee tees_[2];
  LogPump pump_;
  Input input_;
  ConsoleSocket console_;
  uint32_t flags_ = 0;
  Fd container_ends_[3];
  Fd own_ends_[3];
  Fd master_;  // for Terminal(); the pump and the input have their own descriptors
  std::vector<Watcher> watchers_;
};

}  // namespace crisp::shim
