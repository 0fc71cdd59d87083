#include "shim/streamed_exec.h"

#include <unistd.h>

#include "shim/container.h"
#include "shim/shim_log.h"

namespace crisp::shim {

StreamedExec::StreamedExec(Context context, const Container& container, uint64_t number, const ExecStream& request,
                           Attached descriptors, Client client)
    : terminal_(request.terminal != 0),
      client_(std::move(client)),
      process_(context, container, number, {std::move(descriptors.fds[0]), request.planned != 0}) {
  for (int stream = 0, next = 1; stream < 3; ++stream) {
    if ((request.streams & (kStdinBit << stream)) != 0) ends_[stream] = std::move(descriptors.fds[next++]);
  }
}

void StreamedExec::Begin() {
  if (terminal_ && !process_.planned()) {
    if (const int error = console_.Listen(process_.bundle(), process_.name() + ".tty"); error != 0) {
      return Finish({Failure{ErrorCode::kInternal, "exec", "listen for a terminal: " + ErrorText(error)}, 0});
    }
  }
  // Without a stderr pipe the process gets the shim's stderr, /dev/null: for -1 RuntimeCommand would make a pipe that
  // ends with the runtime.
  const bool own_stderr = !terminal_ && !ends_[2].valid();
  const int stdio[3] = {ends_[0].get(), ends_[1].get(), own_stderr ? STDERR_FILENO : ends_[2].get()};
  process_.Launch(
      stdio, console_.path(), [this](std::optional<Failure> failure) { OnLaunched(std::move(failure)); },
      [this](int code) {
        Finish({std::nullopt, code});
      });
  // As long as the shim holds an end open, the daemon's pipe does not come to its end.
  for (Fd& end : ends_) end.reset();
}

void StreamedExec::OnLaunched(std::optional<Failure> failure) {
  Fd master;
  if (!failure.has_value() && terminal_) {
    master = process_.planned() ? process_.TakeTerminal() : console_.TakeMaster();
    if (!master.valid()) failure = Failure{ErrorCode::kInternal, "exec", "the runtime sent no terminal"};
  }
  if (!failure.has_value()) return client_.opened(std::move(master));
  Kill(std::move(*failure));
}

// The process has its streams already, and the daemon its terminal.
void StreamedExec::Save(SessionState owner, ShimState* state) const {
  owner.number = process_.number();
  state->streamed.push_back({std::move(owner), process_.Save()});
}

void StreamedExec::Restore(const StreamedExecState& state) {
  process_.Restore(state.process, [this](int code) { Finish({std::nullopt, code}); });
}

void StreamedExec::Cancel(ErrorCode) {
  Kill(Failure{ErrorCode::kCancelled, "exec", "cancelled"});
}

void StreamedExec::Kill(Failure why) {
  if (killing_) return;
  killing_ = true;
  process_.Kill([this, why = std::move(why)] { Finish({why, 0}); });
}

void StreamedExec::Finish(ExecEnd end) {
  console_.Close();
  end.launch = process_.launch_times();
  process_.Leave();
  client_.ended(end);
}

}  // namespace crisp::shim
