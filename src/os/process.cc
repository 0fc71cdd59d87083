#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "os/errno_status.h"
#include "os/pipe.h"

namespace crisp {
namespace {

// How long the pipes of a command that has ended are read while another process holds them open.
constexpr std::chrono::milliseconds kDrainAfterExit{200};

// The limit that children get in place of the raised one. Set once, before there is a child.
std::optional<rlimit> g_children_descriptors;

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawnattr_init(&attr_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    // Not sigfillset(3), which leaves out 32 and 33: glibc keeps these two for itself, and posix_spawn(3) has a child
    // ignore them unless they are in the set. An ignored signal stays so in every program that the child starts.
    memset(&all, 0xff, sizeof(all));
    posix_spawnattr_setsigmask(&attr_, &none);
    posix_spawnattr_setsigdefault(&attr_, &all);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attr_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void SetStdio(const int (&stdio)[3]) {
    for (int i = 0; i < 3; ++i) {
      if (stdio[i] >= 0) {
        posix_spawn_file_actions_adddup2(&actions_, stdio[i], i);
      } else {
        posix_spawn_file_actions_addopen(&actions_, i, "/dev/null", O_RDWR, 0);
      }
    }
    posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
  }

  absl::StatusOr<Child> Spawn(const std::string& path, const std::vector<std::string>& args,
                              const std::vector<std::string>& env, int16_t group_flag) {
    posix_spawnattr_setflags(&attr_, static_cast<int16_t>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group_flag));
    std::vector<char*> argv{const_cast<char*>(path.c_str())};
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    std::vector<char*> envp;
    envp.reserve(env.size() + 1);
    for (const std::string& entry : env) envp.push_back(const_cast<char*>(entry.c_str()));
    envp.push_back(nullptr);

    Child child;
    const int error = posix_spawn(&child.pid, path.c_str(), &actions_, &attr_, argv.data(), envp.data());
    if (error != 0) return ErrnoStatus(error, absl::StrCat("start ", path));
    if (g_children_descriptors) prlimit(child.pid, RLIMIT_NOFILE, &*g_children_descriptors, nullptr);
    child.pidfd = Pidfd::Open(child.pid);  // the pid cannot have been reused: nobody has reaped the child yet
    if (!child.pidfd.valid()) return ErrnoStatus(errno, absl::StrCat("pidfd of ", path));
    return child;
  }

 private:
  posix_spawnattr_t attr_{};
  posix_spawn_file_actions_t actions_{};
};

// How long to wait for a killed command. A process that waits uninterruptibly in the kernel, for a dead disk or server,
// does not die before that wait ends.
constexpr std::chrono::seconds kKillWait{2};

// Kills and reaps the child unless Wait has reaped it. A child that does not die is left to a thread of its own, so
// that the caller can go on.
class RunningChild {
 public:
  RunningChild(Child child, std::string path) : child_(std::move(child)), path_(std::move(path)) {}
  ~RunningChild() {
    if (!child_.pidfd.valid()) return;
    kill(-child_.pid, SIGKILL);
    kill(child_.pid, SIGKILL);
    if (child_.pidfd.WaitUntil(MonoClock::now() + kKillWait)) {
      child_.pidfd.Reap();
      return;
    }
    LogError("a command does not end after SIGKILL; it is left to end by itself",
             {{"command", path_}, {"pid", child_.pid}});
    auto reaper = StartThread("a killed command", [pidfd = std::move(child_.pidfd)] { pidfd.Reap(); });
    if (reaper.ok()) reaper->detach();  // else it stays a zombie until the daemon exits
  }
  RunningChild(const RunningChild&) = delete;
  RunningChild& operator=(const RunningChild&) = delete;

  int pidfd() const { return child_.pidfd.get(); }

  void Wait(CommandResult* result) {
    const ExitStatus status = child_.pidfd.Reap().value_or(ExitStatus());
    child_.pidfd.reset();
    result->exit_code = status.code;
    result->signal = status.signal;
  }

 private:
  Child child_;
  const std::string path_;
};

// write(2) to a child that may have ended or closed its stdin: fails with EPIPE but raises no SIGPIPE, which would end
// a program that does not ignore it. Pipes have no flag for that as sockets have, so the signal, which is sent to the
// writing thread, is blocked and then consumed.
ssize_t WriteWithoutSignal(int fd, absl::string_view data) {
  sigset_t broken_pipe;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  const ssize_t n = write(fd, data.data(), data.size());
  const int error = errno;
  if (n < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    constexpr timespec kNow{};
    sigtimedwait(&broken_pipe, nullptr, &kNow);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return n;
}

// Moves bytes between the child's pipes and memory when poll(2) reports that it is possible.
class Plumbing {
 public:
  Plumbing(const Command& command, CommandResult* result)
      : input_(command.input), limit_(command.output_limit), result_(result) {}

  Fd to_child;
  Fd from_out;
  Fd from_err;

  void Pump(const pollfd (&ready)[4]) {
    if (ready[0].revents != 0) Feed();
    if (ready[1].revents != 0) Drain(from_out, result_->output);
    if (ready[2].revents != 0) Drain(from_err, result_->error_output);
  }

  bool done() const { return !to_child.valid() && !from_out.valid() && !from_err.valid(); }

  void Feed() {
    if (input_.empty()) {
      to_child.reset();
      return;
    }
    const ssize_t n = WriteWithoutSignal(to_child.get(), input_);
    if (n > 0) input_.remove_prefix(static_cast<size_t>(n));
    if (input_.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) to_child.reset();
  }

 private:
  void Drain(Fd& fd, std::string& into) {
    char buffer[16384];
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n > 0) {
      into.append(buffer, std::min(static_cast<size_t>(n), limit_ - std::min(limit_, into.size())));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      fd.reset();
    }
  }

  absl::string_view input_;
  size_t limit_;
  CommandResult* result_;
};

}  // namespace

std::string CommandResult::Describe() const {
  std::string text = signal != 0 ? absl::StrCat("killed by signal ", signal) : absl::StrCat("exit status ", exit_code);
  const std::vector<absl::string_view> lines = absl::StrSplit(error_output, '\n', absl::SkipWhitespace());
  if (!lines.empty()) absl::StrAppend(&text, ": ", absl::StripAsciiWhitespace(lines.back()));
  return text;
}

absl::StatusOr<CommandResult> RunCommand(const Command& command, const CallContext& call) {
  CommandResult result;
  Plumbing plumbing(command, &result);
  Fd stdio[3];
  int error = MakePipe(PipeEnd::kWrite, &plumbing.to_child, &stdio[0]);
  if (error == 0) error = MakePipe(PipeEnd::kRead, &plumbing.from_out, &stdio[1]);
  if (error == 0) error = MakePipe(PipeEnd::kRead, &plumbing.from_err, &stdio[2]);
  if (error != 0) return ErrnoStatus(error, "make a pipe");
  SpawnSetup setup;
  setup.SetStdio({stdio[0].get(), stdio[1].get(), stdio[2].get()});
  ASSIGN_OR_RETURN(Child spawned, setup.Spawn(command.path, command.args, command.env, POSIX_SPAWN_SETPGROUP));
  const ProcessWait wait(call, spawned.pid);
  RunningChild child(std::move(spawned), command.path);
  for (Fd& end : stdio) end.reset();
  if (command.input.empty()) plumbing.to_child.reset();

  bool exited = false;
  MonoTime drain_until = kNoDeadline;
  while (!exited || !plumbing.done()) {
    if (!exited) RETURN_IF_ERROR(call.Check(), command.path);
    pollfd fds[4] = {{plumbing.to_child.get(), POLLOUT, 0},
                     {plumbing.from_out.get(), POLLIN, 0},
                     {plumbing.from_err.get(), POLLIN, 0},
                     {exited ? -1 : child.pidfd(), POLLIN, 0}};
    poll(fds, 4, PollMillis(exited ? drain_until : call.NextLook()));
    plumbing.Pump(fds);
    if (fds[3].revents != 0) {
      exited = true;
      plumbing.to_child.reset();
      drain_until = MonoClock::now() + kDrainAfterExit;
    }
    if (exited && MonoClock::now() >= drain_until) break;
  }
  child.Wait(&result);
  return result;
}

absl::StatusOr<Child> SpawnDetached(const std::string& path, const std::vector<std::string>& args,
                                    const std::vector<std::string>& env, const int (&stdio)[3]) {
  SpawnSetup setup;
  setup.SetStdio(stdio);
  return setup.Spawn(path, args, env, POSIX_SPAWN_SETSID);
}

absl::Status AwaitEnd(const Pidfd& process, const CallContext& call) {
  while (!process.WaitUntil(call.NextLook())) RETURN_IF_ERROR(call.Check());
  return absl::OkStatus();
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  g_children_descriptors = limit;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace crisp
