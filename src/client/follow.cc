#include "client/follow.h"

#include <unistd.h>

#include "base/status_macros.h"
#include "client/container_end.h"
#include "client/log_reader.h"
#include "client/stream_client.h"
#include "client/terminal.h"

namespace crisp::client {
namespace {

absl::StatusOr<Followed> ExitOf(ContainerEnd* end) {
  Followed followed;
  ASSIGN_OR_RETURN(followed.exit_code, end->Wait());
  return followed;
}

}  // namespace

absl::StatusOr<Followed> Attach(RuntimeClient* runtime, const std::string& id, bool interactive, bool terminal,
                                const std::string& detach_keys) {
  ContainerEnd end(runtime, id);
  cri::AttachRequest request;
  request.set_container_id(id);
  request.set_stdin(interactive);
  request.set_tty(terminal);
  request.set_stdout(true);
  request.set_stderr(!terminal);
  ASSIGN_OR_RETURN(const cri::AttachResponse attach, runtime->Call(request), "attach");
  StreamOptions options;
  options.input = interactive ? STDIN_FILENO : -1;
  options.terminal = terminal && interactive && IsTerminal(STDIN_FILENO);
  options.detach_keys = detach_keys;
  options.redraw = true;
  absl::StatusOr<StreamEnd> stream;
  {
    std::unique_ptr<RawMode> raw;
    if (options.terminal) raw = std::make_unique<RawMode>(STDIN_FILENO);
    stream = RunStream(attach.url(), options);
  }
  RETURN_IF_ERROR(stream, "attach");
  if (stream->detached) {
    Followed followed;
    followed.detached = true;
    return followed;
  }
  return ExitOf(&end);
}

absl::StatusOr<Followed> FollowNew(RuntimeClient* runtime, const MadeContainer& made, bool interactive, bool terminal,
                                   const std::string& detach_keys) {
  if (interactive) {
    absl::StatusOr<Followed> followed = Attach(runtime, made.id, interactive, terminal, detach_keys);
    ContainerEnd end(runtime, made.id);
    if (followed.ok() || !end.Reached()) return followed;
    // It had ended before this program was attached; its output is in its log.
  }
  ContainerEnd end(runtime, made.id);
  LogOptions options;
  options.follow = true;
  RETURN_IF_ERROR(ReadLog(
      made.log, options, end.fd(), [&end] { return end.Reached(); },
      [](const LogLine& line) { line.error ? Err(line.text) : Out(line.text); }));
  return ExitOf(&end);
}

}  // namespace crisp::client
