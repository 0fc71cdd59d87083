// CollectedExec: the process of an ExecSync. Its output is sent to the daemon in packets, under a cap and a deadline.
//
// Output is sent as it comes, at most `output_limit` bytes of each stream; more is read and dropped. Nothing is read
// until the daemon has taken the previous packet, so that neither side buffers. If another process holds the pipes open
// after the exit, output is read for kDrainNanos more, and then what the pipes still hold.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "os/fd.h"
#include "shim/context.h"
#include "shim/exec_process.h"
#include "shim/loop.h"
#include "shim/messages.h"
#include "shim/session.h"

namespace crisp::shim {

class CollectedExec : public Session {
 public:
  static constexpr int64_t kDrainNanos = 1'000'000'000;

  struct Client {
    // Sends a chunk. False: send no more until Resume is called.
    std::function<bool(uint8_t stream, std::string_view data)> output;
    std::function<void(const ExecEnd&)> ended;  // the last call
  };

  // `number` as for ExecProcess. `process`: what came with the request.
  CollectedExec(Context context, const Container& container, uint64_t number, const Exec& request, Fd process,
                Client client);
  ~CollectedExec() override;

  void Begin();
  void Resume() override;
  void Cancel(ErrorCode why) override;
  bool busy() const override { return process_.launching() || cancelled_.has_value(); }
  std::string container_id() const override { return process_.container_id(); }
  void Save(SessionState owner, ShimState* state) const override;
  void Restore(const CollectedExecState& state);  // in place of Begin

 private:
  // kStdout and kStderr of the wire are 1 and 2.
  struct Stream {
    Fd read_end;
    uint64_t left = 0;  // bytes still to be sent
  };

  int MakePipes(Fd (&write_ends)[2]);
  void OnLaunched(std::optional<Failure> failure);
  void OnExit(int code);
  void Read(int stream);
  size_t Take(int stream);  // reads once and sends; 0 if there is nothing now, or at the end
  void AwaitEnds();
  void DeadlineAt(int64_t due);
  void DrainUntil(int64_t due);
  void TakeRest();
  void WatchStreams();
  void UnwatchStreams();
  void CloseStreams();
  void FinishIfDrained();
  void Finish(ExecEnd end);

  Context context_;
  const int64_t timeout_;  // nanoseconds; 0: none
  Client client_;
  ExecProcess process_;
  Stream streams_[2];
  std::optional<int> exit_code_;
  std::optional<ErrorCode> cancelled_;
  bool paused_ = false;
  Loop::Timer deadline_ = 0;
  Loop::Timer drain_ = 0;
};

}  // namespace crisp::shim
