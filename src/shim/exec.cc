#include "shim/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shim/runtime_log.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

// A packet's header and the two fields before the bytes: read so far into the scratch, a chunk is encoded in place.
constexpr size_t kChunkOffset = kHeaderSize + 1 + 4;

// The hierarchy for the cgroup of an exec: on v1 one is enough to find its processes by, and pids is always there.
const cgroup::Dir* Pick(const cgroup::Dirs& dirs) {
  for (const char* controller : {"pids", "freezer", "devices"}) {
    for (const cgroup::Dir& dir : dirs) {
      if (dir.Has(controller)) return &dir;
    }
  }
  for (const cgroup::Dir& dir : dirs) {
    if (dir.v2) return &dir;
  }
  return nullptr;
}

std::string FirstController(const cgroup::Dir& dir) {
  for (const char* controller : {"pids", "freezer", "devices"}) {
    if (dir.Has(controller)) return controller;
  }
  return {};
}

}  // namespace

ExecSession::ExecSession(Context context, const Container& container, uint64_t number, Exec request, Fd process,
                         Client client)
    : context_(context),
      container_id_(container.id()),
      bundle_(container.bundle()),
      runtime_(container.runtime()),
      container_cgroups_(container.cgroups()),
      name_("exec-" + std::to_string(number)),
      request_(std::move(request)),
      process_(std::move(process)),
      client_(std::move(client)),
      command_(context.loop, context.children) {
  for (Stream& stream : streams_) stream.left = request_.output_limit;
}

ExecSession::~ExecSession() {
  UnwatchStreams();
  context_.loop.Cancel(&deadline_);
  context_.loop.Cancel(&drain_);
  if (pid_ > 0) context_.children.Forget(pid_);
}

void ExecSession::Begin() {
  Fd write_ends[2];
  if (const int error = MakePipes(write_ends); error != 0) {
    const std::string text = "make pipes: " + ErrorText(error);
    return Finish({Failure{ErrorCode::kInternal, "exec", text}, 0});
  }
  MakeCgroup();
  const std::string pid_file = bundle_ + "/" + name_ + ".pid";
  // The runtime reads the process object out of the shim's own descriptor: no file to clean up, no limit of a packet.
  const std::string process = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(process_.get());
  std::vector<std::string> args{"exec", "--detach", "--process", process, "--pid-file", pid_file};
  if (cgroup_.has_value()) {
    const std::string controller = FirstController(*cgroup_);
    args.insert(args.end(), {"--cgroup", controller.empty() ? name_ : controller + ":" + name_});
  }
  args.push_back(container_id_);
  const uint64_t timeout = std::min<uint64_t>(request_.timeout_ns, INT64_MAX / 4);
  if (timeout > 0) {
    deadline_ = context_.loop.After(static_cast<int64_t>(timeout), [this] { Cancel(ErrorCode::kDeadline); });
  }
  const int stdio[3] = {-1, write_ends[0].get(), write_ends[1].get()};
  command_.Run(runtime_, "exec", args, stdio, bundle_ + "/" + name_ + ".log", Container::kDefaultTimeout,
               [this](std::optional<Failure> failure) { OnLaunched(std::move(failure)); });
}

int ExecSession::MakePipes(Fd (&write_ends)[2]) {
  for (int i = 0; i < 2; ++i) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    streams_[i].read_end.reset(ends[0]);
    write_ends[i].reset(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  return 0;
}

// Without one (a container that fills its own cgroup namespace, a full hierarchy) the exec still works; only children
// that leave its session cannot be found at the deadline.
void ExecSession::MakeCgroup() {
  const cgroup::Dir* parent = Pick(container_cgroups_);
  if (parent == nullptr) return LogFault("exec: the container has no cgroup to put one below");
  cgroup::Dir dir{parent->path + "/" + name_, parent->controllers, parent->v2};
  if (mkdir(dir.path.c_str(), 0755) != 0) return LogFault("exec: make cgroup " + dir.path, errno);
  cgroup_ = std::move(dir);
}

void ExecSession::OnLaunched(std::optional<Failure> failure) {
  const std::string pid_file = bundle_ + "/" + name_ + ".pid";
  const pid_t pid = ReadPidFile(pid_file);
  unlink(pid_file.c_str());
  if (!failure.has_value() && pid < 0) {
    failure = Failure{ErrorCode::kInternal, "exec", "the runtime wrote no pid-file"};
  }
  if (!failure.has_value() && context_.children.Add(pid, [this](const ChildExit& exit) { OnExit(exit.code); }) < 0) {
    failure = Failure{ErrorCode::kInternal, "exec", "process " + std::to_string(pid) + ": " + ErrorText(errno)};
  }
  if (failure.has_value()) {
    char words[1024];
    const ssize_t n = read(streams_[1].read_end.get(), words, sizeof(words));
    if (command_.said_nothing() && n > 0) failure->text = LastLine({words, static_cast<size_t>(n)});
    if (cancelled_.has_value()) failure->code = *cancelled_;
    KillEverything();
    return Finish({std::move(failure), 0});
  }
  pid_ = pid;
  if (cancelled_.has_value()) KillEverything();
  WatchStreams();
}

void ExecSession::WatchStreams() {
  for (int i = 0; i < 2; ++i) {
    if (!streams_[i].read_end.valid()) continue;
    context_.loop.Watch(streams_[i].read_end.get(), EPOLLIN, [this, i](uint32_t) { Read(i); });
  }
}

void ExecSession::UnwatchStreams() {
  for (const Stream& stream : streams_) context_.loop.Unwatch(stream.read_end.get());
}

void ExecSession::CloseStreams() {
  UnwatchStreams();
  for (Stream& stream : streams_) stream.read_end.reset();
}

void ExecSession::Read(int index) {
  Stream& stream = streams_[index];
  char* const into = context_.scratch.bytes + kChunkOffset;
  const ssize_t n = read(stream.read_end.get(), into, kMaxChunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    context_.loop.Unwatch(stream.read_end.get());
    stream.read_end.reset();
    return FinishIfDrained();
  }
  const size_t kept = std::min<uint64_t>(static_cast<size_t>(n), stream.left);
  stream.left -= kept;
  if (kept > 0 && !client_.output(static_cast<uint8_t>(index + 1), {into, kept})) {
    paused_ = true;
    UnwatchStreams();
  }
}

void ExecSession::Resume() {
  if (!paused_) return;
  paused_ = false;
  WatchStreams();
}

void ExecSession::OnExit(int code) {
  pid_ = -1;
  exit_code_ = code;
  if (!streams_[0].read_end.valid() && !streams_[1].read_end.valid()) return FinishIfDrained();
  drain_ = context_.loop.After(kDrainNanos, [this] {
    CloseStreams();
    FinishIfDrained();
  });
}

void ExecSession::Cancel(ErrorCode why) {
  if (cancelled_.has_value()) return;
  CloseStreams();  // nobody reads the rest
  context_.loop.Cancel(&deadline_);
  if (exit_code_.has_value()) return FinishIfDrained();  // it ended in time; only its pipes were still held
  cancelled_ = why;
  KillEverything();
  if (pid_ < 0) return command_.Cancel();
  context_.children.Forget(std::exchange(pid_, -1));  // one in state D must not hold up the answer
  Finish({});
}

void ExecSession::KillEverything() {
  if (cgroup_.has_value() && cgroup::KillAll({*cgroup_}, Container::kKillBudgetMs) != 0) {
    LogFault("exec: a process in " + cgroup_->path + " does not die");
  }
  const int pidfd = context_.children.pidfd(pid_);
  if (pidfd < 0) return;
  syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  kill(-pid_, SIGKILL);  // the runtime made it a session's leader
}

void ExecSession::FinishIfDrained() {
  if (!exit_code_.has_value() || streams_[0].read_end.valid() || streams_[1].read_end.valid()) return;
  Finish({std::nullopt, *exit_code_});
}

void ExecSession::Finish(End end) {
  context_.loop.Cancel(&drain_);
  context_.loop.Cancel(&deadline_);
  if (cancelled_.has_value()) {
    const bool late = *cancelled_ == ErrorCode::kDeadline;
    end.failure = Failure{*cancelled_, "exec", late ? "the command did not end in time and was killed" : "cancelled"};
  }
  if (cgroup_.has_value()) {
    // EBUSY: on v2 a cgroup that has handed its controllers on takes no process; it goes with the container.
    if (const int error = cgroup::MoveUp(cgroup_->path); error != 0 && error != ENOENT && error != EBUSY) {
      LogFault("exec: leave cgroup " + cgroup_->path, error);
    }
    rmdir(cgroup_->path.c_str());
  }
  client_.ended(end);
}

}  // namespace crisp::shim
