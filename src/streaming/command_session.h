// CommandSession: one exec or attach, between its client (a CommandWire) and its process (a StreamSession).
//
// Threading: the StreamLoop's thread only. It owns all its parts; the destructor ends the exec and drops what is not
// sent. The client receives all output first, then the end of each output channel, then the result.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "streaming/command_wire.h"
#include "streaming/stream_context.h"
#include "streaming/stream_pump.h"
#include "streaming/stream_result.h"
#include "streaming/stream_target.h"

namespace crisp {

class CommandSession final : private CommandWire::Owner {
 public:
  // Makes the wire that reports to the given owner.
  using MakeWire = std::function<std::unique_ptr<CommandWire>(CommandWire::Owner*)>;

  // Calls `over` once, when the session may be destroyed, but never from inside a method.
  CommandSession(const StreamContext& context, StreamRequest request, bool attach, std::function<void()> over);
  ~CommandSession() override;
  CommandSession(const CommandSession&) = delete;
  CommandSession& operator=(const CommandSession&) = delete;

  void Start(const MakeWire& make_wire);

 private:
  class Output;

  // CommandWire::Owner
  void OnReady() override;
  void OnChannelData(CommandChannel channel, absl::string_view bytes) override;
  void OnInputEnd() override;
  bool MayRead() const override;
  void OnGone(absl::string_view why) override;

  void OnOpened(absl::StatusOr<std::unique_ptr<StreamSession>> opened);
  void Connect(StreamDescriptors ends);
  void OnResult(absl::StatusOr<int> result);
  void OnOutputEnd();
  void AwaitQuiet();
  void Finish();
  void EndProcess();

  const StreamContext context_;
  const StreamRequest request_;
  const bool attach_;
  const std::function<void()> over_;

  std::unique_ptr<CommandWire> wire_;
  std::shared_ptr<StreamSession> process_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);

  PipeWriter input_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<Output> error_output_;
  ResizeReader resizes_;
  std::optional<TerminalSize> size_;  // received before the process was there

  std::optional<absl::StatusOr<int>> result_;
  bool finished_ = false;  // the result is sent, or the client has gone
  bool gone_ = false;
  StreamTimer timer_;           // limits the opening of the client's streams, later the wait for the last output
  uint64_t output_before_ = 0;  // bytes of output when the timer was started
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
