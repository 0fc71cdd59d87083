// ContainerIo: the streams of one container: pipes or a terminal, its log, and those who are attached.
//
// With a terminal there is one stream of output, logged as stdout, and stdin is the terminal too.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "os/fd.h"
#include "shim/connections.h"
#include "shim/console_socket.h"
#include "shim/context.h"
#include "shim/input.h"
#include "shim/log_pump.h"
#include "shim/messages.h"
#include "shim/runtime_command.h"
#include "shim/tee.h"

namespace crisp::shim {

class ContainerIo {
 public:
  struct Watcher {
    uint64_t number;                           // of the attachment, unique in this shim
    std::function<void(Tee::Parting)> parted;  // for each output stream that it asked for
    std::function<void(int exit_code)> exited;
  };

  explicit ContainerIo(Context context)
      : tees_{Tee(context.loop), Tee(context.loop)}, pump_(context, tees_), input_(context.loop) {}

  // Opens the log, makes the container's ends.
  std::optional<Failure> Open(const Start& request);
  // What `create` is run with.
  void FillStdio(int (&stdio)[3]) const;
  std::string console_socket() const { return console_.path(); }
  // What is in the stderr pipe and was not meant for the log: the words of a runtime that failed.
  std::string TakeStderr();

  // `create` has succeeded: takes the terminal, closes the container's ends, and reads from now on. `ended` as
  // LogPump's.
  std::optional<Failure> Run(std::function<void()> ended);
  // `create` has failed.
  void Abandon() { console_.Close(); }
  bool ended() const { return pump_.ended(); }
  void Drain() { pump_.Drain(); }
  void Finish() { pump_.Finish(); }
  int Reopen() { return pump_.Reopen(); }
  // The container's exit has been told; the watchers hear of it.
  void TellExit(int exit_code);

  // `ends`: those of `streams`, in their order. The watcher may be called before this returns.
  void Attach(uint8_t streams, Attached ends, Watcher watcher);
  void Detach(uint64_t number);
  // Another descriptor of the terminal's master, for who is attached to set its size; invalid if there is none.
  Fd Terminal() const;

 private:
  int MakePipes(bool input, bool output);

  Tee tees_[2];
  LogPump pump_;
  Input input_;
  ConsoleSocket console_;
  uint32_t flags_ = 0;
  Fd container_ends_[3];
  Fd own_ends_[3];
  Fd master_;  // for Terminal; the pump and the input have descriptors of their own
  std::vector<Watcher> watchers_;
};

}  // namespace crisp::shim
