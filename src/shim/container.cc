#include "shim/container.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shim/runtime_log.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr char kPidFile[] = "init.pid";
constexpr char kRuntimeLog[] = "runtime.log";
constexpr int64_t kRecordRetryNanos = 1'000'000'000;
constexpr int64_t kDeathNanos = 5'000'000'000;  // for the first process to die; then the runtime may try

}  // namespace

Container::Container(Context context, Start request, Callbacks callbacks)
    : context_(context),
      request_(std::move(request)),
      runtime_{request_.runtime_binary, request_.runtime_root, request_.runtime_flags},
      callbacks_(std::move(callbacks)),
      command_(context.loop, context.children),
      io_(context, [this](const LogLoss& loss) { callbacks_.log_loss(*this, loss); }),
      end_(context.loop, io_),
      clean_up_(context.loop),
      expected_(cgroup::OfCgroupsPath(request_.cgroups_path, (runtime_.flags & Start::kSystemdCgroup) != 0)) {
  const int64_t asked = static_cast<int64_t>(std::min<uint64_t>(request_.timeout_ns, INT64_MAX / 4));
  deadline_ = MonoNanos() + (asked > 0 ? asked : kDefaultTimeout);
}

Container::~Container() {
  context_.loop.Cancel(&record_retry_);
  context_.loop.Cancel(&delete_wait_);
  if (alive()) context_.children.Forget(pid_);
}

void Container::BeginStart(Answer answer) {
  answer_ = std::move(answer);
  std::optional<Failure> failure;
  if (expected_.empty()) {
    failure = Failure{ErrorCode::kInternal, "create", "cgroups path '" + request_.cgroups_path + "' makes no sense"};
  } else {
    failure = io_.Open(request_);
  }
  if (!failure.has_value()) return Create();
  state_ = State::kFailed;
  answer_(std::move(failure));
}

void Container::Create() {
  RemovePidFile(InBundle(kPidFile));
  std::vector<std::string> args{"create", "--bundle", request_.bundle, "--pid-file", InBundle(kPidFile)};
  if ((runtime_.flags & Start::kNoPivotRoot) != 0) args.push_back("--no-pivot");
  if ((runtime_.flags & Start::kNoNewKeyring) != 0) args.push_back("--no-new-keyring");
  if (const std::string socket = io_.console_socket(); !socket.empty()) {
    args.insert(args.end(), {"--console-socket", socket});
  }
  args.push_back(id());
  int stdio[3];
  io_.FillStdio(stdio);
  create_times_.begun = MonoNanos();
  command_.Run(runtime_, "create", args, stdio, InBundle(kRuntimeLog), TimeLeft(),
               [this](std::optional<Failure> failure) { OnCreated(std::move(failure)); });
}

void Container::OnCreated(std::optional<Failure> failure) {
  create_times_.ended = MonoNanos();
  if (failure.has_value()) {
    const std::string words = LastLine(io_.TakeStderr());
    if (command_.said_nothing() && !words.empty()) failure->text = words;
    return Abandon(std::move(*failure));
  }
  if (failure = TakeInit(); failure.has_value()) return Abandon(std::move(*failure));
  end_.Watch(cgroups_, [this](uint64_t kills) { callbacks_.oom_killed(*this, kills); });
  failure = io_.Run([this] { end_.OnStreamsEnded(); });
  if (failure.has_value()) return Abandon(std::move(*failure));
  RunInit();
}

// The runtime has exited, so the container's first process, which waits for `start`, is now a child of the shim.
std::optional<Failure> Container::TakeInit() {
  const pid_t pid = ReadPidFile(InBundle(kPidFile));
  if (pid < 0) return Failure{ErrorCode::kInternal, "create", "the runtime wrote no pid-file"};
  if (const int error = context_.children.Add(pid, [this](const ChildExit& exit) { OnInitExit(exit); }); error != 0) {
    return Failure{ErrorCode::kInternal, "create", "process " + std::to_string(pid) + ": " + ErrorText(error)};
  }
  pid_ = pid;
  // A process outside the expected cgroup would escape its limits and our kill (as with CVE-2025-47291).
  cgroups_ = cgroup::Inside(cgroup::OfProcess(pid), expected_);
  exec_cgroups_ = std::make_shared<ExecCgroups>(context_.loop, cgroups_);
  if (!cgroups_.empty()) return std::nullopt;
  return Failure{ErrorCode::kInternal, "create", "the runtime did not put it into cgroup " + request_.cgroups_path};
}

void Container::RunInit() {
  const int stdio[3] = {-1, -1, -1};
  start_times_.begun = MonoNanos();
  command_.Run(runtime_, "start", {"start", id()}, stdio, InBundle(kRuntimeLog), TimeLeft(),
               [this](std::optional<Failure> failure) { OnRunning(std::move(failure)); });
}

void Container::OnRunning(std::optional<Failure> failure) {
  if (failure.has_value()) return Abandon(std::move(*failure));
  state_ = State::kRunning;
  start_times_.ended = MonoNanos();
  started_at_ = WallNanos();
  if (init_exit_.has_value()) started_at_ = std::min(started_at_, init_exit_->finished_at);
  answer_(std::nullopt);
  if (init_exit_.has_value()) End();
}

// After a failure the command that runs is the clean-up, which goes on.
void Container::CancelStart() {
  if (state_ == State::kStarting && !failure_.has_value()) command_.Cancel();
}

void Container::Abandon(Failure failure) {
  failure_ = std::move(failure);
  Kill(SIGKILL, false);
  clean_up_.Kill(expected_, [this](int) {
    RunDelete(kCleanUpTimeout, [this](std::optional<Failure> unclean) {
      if (unclean.has_value()) failure_->text += "; then " + unclean->step + ": " + unclean->text;
      // A killed runtime may have left a child that joined the cgroup after the first kill.
      RemoveCgroups([this](int error) { OnAbandoned(error); });
    });
  });
}

void Container::OnAbandoned(int error) {
  end_.Close();
  if (error != 0) failure_->text += "; then remove cgroup " + request_.cgroups_path + ": " + ErrorText(error);
  RemovePidFile(InBundle(kPidFile));
  io_.Abandon();
  state_ = State::kFailed;
  answer_(std::move(failure_));
}

void Container::OnInitExit(const ChildExit& exit) {
  init_exit_ = exit;
  end_.OnInitExit(exit.code == 128 + SIGKILL && !sigkilled_);
  if (state_ == State::kRunning) End();
}

void Container::End() {
  state_ = State::kEnding;
  end_.Begin(cgroups_, {[this](int error) { OnEmptied(error); }, [this] { Report(); }});
}

void Container::OnEmptied(int error) {
  if (error != 0) LogFault("container " + id() + ": a process in " + cgroups_.front().path + " does not die");
  if (delete_wait_ != 0) DeleteDead();
}

void Container::Report() {
  exit_ = {init_exit_->code, init_exit_->finished_at, end_.oom_killed()};
  state_ = State::kExited;
  WriteRecord();
  callbacks_.exited(*this);
  io_.ReportExit(exit_.exit_code);
  if (deleted_) AnswerDelete(std::nullopt);
}

// A full disk must not hide an exit: the daemon is told all the same, and the record is written once there is room.
void Container::WriteRecord() {
  const int error = WriteExitRecord(request_.exit_path, exit_);
  if (error == 0) return;
  if (record_retry_ == 0) LogFault("write exit record " + request_.exit_path, error);
  WriteRecordAt(MonoNanos() + kRecordRetryNanos);
}

void Container::WriteRecordAt(int64_t due) {
  record_retry_ = context_.loop.At(due, [this] { WriteRecord(); });
}

std::string Container::busy() const {
  const std::string name = "container " + id();
  if (!delete_answers_.empty()) return name + " is being deleted";
  if (state_ == State::kRunning || state_ == State::kExited) return {};
  return name + (state_ == State::kEnding ? " ends" : " is being started");
}

ContainerState Container::Save() const {
  ContainerState state;
  state.request = request_;
  state.exited = state_ == State::kExited;
  state.pid = static_cast<uint32_t>(pid_);
  state.started_at = started_at_;
  state.create = create_times_;
  state.start = start_times_;
  state.sigkilled = sigkilled_;
  state.start_told = start_told;
  state.exit_code = static_cast<uint32_t>(exit_.exit_code);
  state.finished_at = exit_.finished_at;
  state.oom_killed = exit_.oom_killed;
  state.record_due = context_.loop.DueAt(record_retry_);
  for (const cgroup::Dir& dir : cgroups_) state.cgroups.push_back({dir});
  state.io = io_.Save();
  state.oom = end_.Save();
  state.exec_cgroups = exec_cgroups_->Save();
  return state;
}

void Container::Restore(const ContainerState& state) {
  pid_ = static_cast<pid_t>(state.pid);
  started_at_ = state.started_at;
  create_times_ = state.create;
  start_times_ = state.start;
  sigkilled_ = state.sigkilled != 0;
  start_told = state.start_told != 0;
  for (const CgroupState& one : state.cgroups) cgroups_.push_back(one.dir);
  exec_cgroups_ = std::make_shared<ExecCgroups>(context_.loop, cgroups_);
  exec_cgroups_->Restore(state.exec_cgroups);
  io_.Restore(state.io, request_, [this] { end_.OnStreamsEnded(); });
  state_ = state.exited != 0 ? State::kExited : State::kRunning;
  if (state_ == State::kRunning) {
    end_.Restore(state.oom, [this](uint64_t kills) { callbacks_.oom_killed(*this, kills); });
    return context_.children.Own(pid_, [this](const ChildExit& exit) { OnInitExit(exit); });
  }
  init_exit_ = ChildExit{static_cast<int>(state.exit_code), state.finished_at};
  exit_ = {init_exit_->code, state.finished_at, state.oom_killed != 0};
  end_.RestoreOver(exit_.oom_killed);
  if (state.record_due != 0) WriteRecordAt(state.record_due);
}

// SIGKILL to all is sent once and not repeated: processes that were forked meanwhile are killed when the first process
// has died. The first process also gets it by its pidfd: it may have left its cgroups, or they may have been removed.
int Container::Kill(int signal, bool all) {
  sigkilled_ = sigkilled_ || signal == SIGKILL;
  if (all && state_ != State::kExited) {
    if (signal == SIGKILL) {
      cgroup::KillOnce(cgroups_);
    } else {
      cgroup::Signal(cgroups_, signal);
    }
  }
  if ((all && signal != SIGKILL) || !alive()) return 0;
  const int error = context_.children.Signal(pid_, signal);
  return error == ESRCH ? 0 : error;
}

void Container::BeginDelete(int64_t timeout_nanos, Answer answer) {
  delete_answers_.push_back(std::move(answer));
  if (delete_answers_.size() > 1) return;
  deadline_ = MonoNanos() + (timeout_nanos > 0 ? timeout_nanos : kDefaultTimeout);
  if (end_.emptied()) return DeleteDead();
  Kill(SIGKILL, true);
  delete_wait_ = context_.loop.After(std::min(TimeLeft() / 2, kDeathNanos), [this] { DeleteDead(); });
}

void Container::DeleteDead() {
  context_.loop.Cancel(&delete_wait_);
  RunDelete(TimeLeft(), [this](std::optional<Failure> failure) { OnDeleted(std::move(failure)); });
}

void Container::OnDeleted(std::optional<Failure> failure) {
  if (failure.has_value()) return AnswerDelete(std::move(failure));
  clean_up_.Remove(expected_, [this](int error) {
    if (error == 0) return OnCgroupsRemoved();
    AnswerDelete(Failure{ErrorCode::kInternal, "delete", "remove its cgroup: " + ErrorText(error)});
  });
}

// No process is left to write output. The answers wait until the exit has been told.
void Container::OnCgroupsRemoved() {
  if (state_ != State::kEnding) return AnswerDelete(std::nullopt);
  deleted_ = true;
  end_.FinishDrain();
}

void Container::AnswerDelete(std::optional<Failure> failure) {
  deleted_ = false;
  const std::vector<Answer> answers = std::move(delete_answers_);
  delete_answers_.clear();
  for (const Answer& one : answers) one(failure);
}

void Container::RemoveCgroups(CgroupEnd::Done done) {
  clean_up_.Kill(expected_, [this, done = std::move(done)](int error) {
    if (error != 0) return done(error);
    clean_up_.Remove(expected_, done);
  });
}

void Container::RunDelete(int64_t timeout_nanos, RuntimeCommand::Finished finished) {
  const int stdio[3] = {-1, -1, -1};
  command_.Run(runtime_, "delete", {"delete", "--force", id()}, stdio, InBundle(kRuntimeLog), timeout_nanos,
               std::move(finished));
}

}  // namespace crisp::shim
