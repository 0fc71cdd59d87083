#include "shim/container_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/pipe.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

Fd Duplicate(const Fd& fd) {
  return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

Failure Fault(const char* step, const std::string& what, int error) {
  return {ErrorCode::kInternal, step, what + ": " + ErrorText(error)};
}

}  // namespace

std::optional<Failure> ContainerIo::Open(const Start& request) {
  flags_ = request.stdio_flags;
  const bool logged = !request.log_path.empty();
  if (logged) {
    const int64_t wait = static_cast<int64_t>(std::min<uint64_t>(request.log_wait_ns, INT64_MAX / 4));
    const int error = pump_.Open(request.log_path, request.log_line_limit, wait);
    if (error != 0) return Fault("open log", request.log_path, error);
  }
  if ((flags_ & Start::kTerminal) != 0) {
    const int error = console_.Listen(request.bundle, "init.tty");
    if (error != 0) return Fault("create", "listen for a terminal", error);
    return std::nullopt;
  }
  const int error = MakePipes((flags_ & Start::kStdin) != 0, logged || (flags_ & Start::kAttachable) != 0,
                              {request.stdio_uid, request.stdio_gid});
  if (error != 0) return Fault("create", "make pipes", error);
  return std::nullopt;
}

int ContainerIo::MakePipes(bool input, bool output, const StdioOwner& owner) {
  for (int i = 0; i < 3; ++i) {
    if (!(i == 0 ? input : output)) continue;
    const PipeEnd ours = i == 0 ? PipeEnd::kWrite : PipeEnd::kRead;
    if (const int error = MakePipe(ours, &own_ends_[i], &container_ends_[i]); error != 0) return error;
  }
  return GivePipes({container_ends_[0].get(), container_ends_[1].get(), container_ends_[2].get()}, owner);
}

// The container inherits the runtime's stdout and stderr. Without a terminal stderr must not be -1, because
// RuntimeCommand then makes a pipe that ends with the runtime: where no output is read it is the shim's own stderr,
// /dev/null.
void ContainerIo::FillStdio(int (&stdio)[3]) const {
  for (int i = 0; i < 3; ++i) stdio[i] = container_ends_[i].get();
  if (stdio[2] < 0 && (flags_ & Start::kTerminal) == 0) stdio[2] = STDERR_FILENO;
}

std::string ContainerIo::TakeStderr() {
  char words[4096];
  const ssize_t n = own_ends_[2].valid() ? read(own_ends_[2].get(), words, sizeof(words)) : 0;
  return n > 0 ? std::string(words, static_cast<size_t>(n)) : std::string();
}

std::optional<Failure> ContainerIo::Run(std::function<void()> ended) {
  for (Fd& end : container_ends_) end.reset();
  const bool terminal = (flags_ & Start::kTerminal) != 0;
  if (terminal) {
    master_ = console_.TakeMaster();
    if (!master_.valid()) return Failure{ErrorCode::kInternal, "create", "the runtime sent no terminal"};
    own_ends_[1] = Duplicate(master_);
    if ((flags_ & Start::kStdin) != 0) own_ends_[0] = Duplicate(master_);
  }
  // stdin_once does nothing for a terminal, whose input cannot be closed alone.
  input_.Open(std::move(own_ends_[0]), !terminal && (flags_ & Start::kStdinOnce) != 0);
  pump_.Run(std::move(own_ends_[1]), std::move(own_ends_[2]), terminal, std::move(ended));
  return std::nullopt;
}

IoState ContainerIo::Save() const {
  return {{tees_[0].Save(), tees_[1].Save()}, pump_.Save(), input_.Save(), master_.get()};
}

void ContainerIo::Restore(const IoState& state, const Start& request, std::function<void()> ended) {
  flags_ = request.stdio_flags;
  for (int stream = 0; stream < 2; ++stream) tees_[stream].Restore(state.tees[stream]);
  pump_.Restore(state.pump, request.log_path, request.log_line_limit, std::move(ended));
  input_.Restore(state.input);
  master_.reset(state.master);
}

void ContainerIo::Rewatch(Watcher watcher) {
  for (Tee& tee : tees_) tee.SetParted(watcher.number, watcher.parted);
  watchers_.push_back(std::move(watcher));
}

void ContainerIo::ReportExit(int exit_code) {
  input_.Close();
  master_.reset();
  for (const Watcher& watcher : std::vector<Watcher>(watchers_)) watcher.exited(exit_code);
}

void ContainerIo::Attach(uint8_t streams, Attached ends, Watcher watcher) {
  for (Fd& end : ends.fds) {
    if (end.valid()) fcntl(end.get(), F_SETFL, O_NONBLOCK);
  }
  const uint64_t number = watcher.number;
  const auto parted = watcher.parted;
  watchers_.push_back(std::move(watcher));
  int next = 0;
  if ((streams & kStdinBit) != 0) input_.Add(number, std::move(ends.fds[next++]));
  if ((streams & kStdoutBit) != 0) tees_[0].Add(number, std::move(ends.fds[next++]), parted);
  if ((streams & kStderrBit) != 0) tees_[1].Add(number, std::move(ends.fds[next]), parted);
}

void ContainerIo::Detach(uint64_t number) {
  std::erase_if(watchers_, [&](const Watcher& one) { return one.number == number; });
  for (Tee& tee : tees_) tee.Remove(number);
  input_.Remove(number);
}

Fd ContainerIo::Terminal() const {
  return Duplicate(master_);
}

}  // namespace crisp::shim
