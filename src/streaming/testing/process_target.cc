#include "streaming/testing/process_target.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/testing/wait.h"
#include "os/errno_status.h"
#include "os/pipe.h"

namespace crisp {
namespace {

// A child's stdin, stdout and stderr: descriptors, or the path of a terminal for all three.
struct ChildStdio {
  Fd fds[3];
  std::string terminal;
};

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& command, const ChildStdio& stdio) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; ++i) {
    if (!stdio.terminal.empty()) {
      // The first terminal that a session leader opens becomes its controlling terminal.
      posix_spawn_file_actions_addopen(&actions, i, stdio.terminal.c_str(), O_RDWR, 0);
    } else if (stdio.fds[i].valid()) {
      posix_spawn_file_actions_adddup2(&actions, stdio.fds[i].get(), i);
    } else {
      posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    }
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  std::vector<char*> argv;
  for (const std::string& arg : command) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return ErrnoStatus(error, absl::StrCat("run ", command[0]));
  return pid;
}

}  // namespace

class ProcessSession final : public StreamSession {
 public:
  ProcessSession(std::atomic<int>* live, StreamDescriptors ends, Fd terminal, pid_t pid)
      : live_(live), ends_(std::move(ends)), terminal_(std::move(terminal)), pid_(pid) {
    ++*live_;
  }

  ~ProcessSession() override {
    kill(-pid_, SIGKILL);
    {
      MutexLock lock(mutex_);
      while (!reaped_ && waiter_.joinable()) changed_.Wait(mutex_);
      ended_ = nullptr;
    }
    if (waiter_.joinable()) {
      waiter_.join();
    } else {
      waitpid(pid_, nullptr, 0);
    }
    --*live_;
  }

  StreamDescriptors TakeDescriptors() override { return std::move(ends_); }

  void Resize(uint16_t columns, uint16_t rows) override {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    if (terminal_.valid()) ioctl(terminal_.get(), TIOCSWINSZ, &size);
  }

  void OnExit(std::function<void(absl::StatusOr<int>)> ended) override {
    MutexLock lock(mutex_);
    ended_ = std::move(ended);
    waiter_ = std::thread([this] { Wait(); });
  }

 private:
  void Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    MutexLock lock(mutex_);
    reaped_ = true;
    if (ended_) ended_(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    changed_.NotifyAll();
  }

  std::atomic<int>* const live_;
  StreamDescriptors ends_;
  const Fd terminal_;
  const pid_t pid_;
  std::thread waiter_;
  Mutex mutex_;
  CondVar changed_;
  bool reaped_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void(absl::StatusOr<int>)> ended_ ABSL_GUARDED_BY(mutex_);
};

void ProcessTarget::AddContainer(const std::string& id, std::vector<std::string> command) {
  MutexLock lock(mutex_);
  containers_[id] = std::move(command);
}

absl::StatusOr<std::unique_ptr<StreamSession>> ProcessTarget::OpenExec(const StreamRequest& request,
                                                                       const CallContext& call) {
  if (!Throughout(delay_.load(), [&] { return call.Check().ok(); })) {
    ++called_off_;
    return call.Check();
  }
  ChildStdio stdio;
  StreamDescriptors ends;
  Fd terminal;
  if (request.streams.terminal) {
    terminal = Fd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    if (grantpt(terminal.get()) != 0 || unlockpt(terminal.get()) != 0 || ptsname_r(terminal.get(), name, 64) != 0) {
      return ErrnoStatus(errno, "make a terminal");
    }
    stdio.terminal = name;
    fcntl(terminal.get(), F_SETFL, O_NONBLOCK);
    if (request.streams.input) ends.input = Fd(fcntl(terminal.get(), F_DUPFD_CLOEXEC, 3));
    ends.output = Fd(fcntl(terminal.get(), F_DUPFD_CLOEXEC, 3));
  } else {
    const auto to_child = [&](Fd* ours, int number) {
      if (MakePipe(number == 0 ? PipeEnd::kWrite : PipeEnd::kRead, ours, &stdio.fds[number]) != 0) abort();
    };
    if (request.streams.input) to_child(&ends.input, 0);
    if (request.streams.output) to_child(&ends.output, 1);
    if (request.streams.error_output) to_child(&ends.error_output, 2);
  }
  ASSIGN_OR_RETURN(const pid_t pid, Spawn(request.command, stdio));
  ++opened_;
  return std::make_unique<ProcessSession>(&live_, std::move(ends), std::move(terminal), pid);
}

absl::StatusOr<std::unique_ptr<StreamSession>> ProcessTarget::OpenAttach(const StreamRequest& request,
                                                                         const CallContext& call) {
  StreamRequest attach = request;
  {
    MutexLock lock(mutex_);
    const auto found = containers_.find(request.container_id);
    if (found == containers_.end()) return absl::NotFoundError(absl::StrCat("no container ", request.container_id));
    attach.command = found->second;
  }
  return OpenExec(attach, call);
}

absl::StatusOr<LoopbackDial> ProcessTarget::Dial(const std::string&, uint16_t port) {
  return LoopbackDial::Begin("", port);
}

}  // namespace crisp
