#include "sandbox/testing/fake_shims.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "runtime/shim_stream.h"
#include "shim/exit_record.h"

namespace crisp {
namespace {

// A process that sleeps, in the container's cgroup of the first hierarchy.
absl::StatusOr<pid_t> StartSleeper(const std::string& cgroups_path) {
  ASSIGN_OR_RETURN(const cgroup::Dirs dirs, ContainerCgroups(cgroups_path, /*systemd=*/false));
  char program[] = "/bin/sleep";
  char forever[] = "1000";
  char* args[] = {program, forever, nullptr};
  pid_t pid = -1;
  if (posix_spawn(&pid, program, nullptr, nullptr, args, environ) != 0) return absl::InternalError("spawn /bin/sleep");
  RETURN_IF_ERROR(MakeDirs(dirs.front().path, 0755));
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, dirs.front().path + "/cgroup.procs", absl::StrCat(pid), 0644));
  return pid;
}

void EndSleeper(pid_t pid, const std::string& cgroups_path) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  const auto dirs = ContainerCgroups(cgroups_path, /*systemd=*/false);
  if (dirs.ok()) rmdir(dirs->front().path.c_str());
}

absl::Status Gone() {
  return absl::UnavailableError("the shim is gone");
}

}  // namespace

// One daemon's connection to one shim.
class FakeShims::Client : public Shim {
 public:
  Client(FakeShims* all, std::string pod_id) : all_(all), pod_id_(std::move(pod_id)) {}
  ~Client() override {
    MutexLock lock(all_->mutex_);
    if (const auto shim = all_->shims_.find(pod_id_); shim != all_->shims_.end()) shim->second.listener = nullptr;
  }

  pid_t pid() const override { return 1; }
  std::string build() const override { return all_->BuildOf(pod_id_); }

  absl::StatusOr<std::vector<ShimContainer>> List(const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("list");
    RETURN_IF_ERROR(step.before);
    MutexLock lock(all_->mutex_);
    if (!lives()) return Gone();
    std::vector<ShimContainer> listed;
    for (const auto& [id, container] : all_->containers_) {
      if (container.pod_id == pod_id_) {
        listed.push_back(
            {id, container.exited, container.started, container.exit, /*starting=*/false, /*log_loss=*/{}});
      }
    }
    RETURN_IF_ERROR(step.after);
    return listed;
  }

  absl::StatusOr<StartedContainer> Start(const StartRequest& request, const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("start");
    RETURN_IF_ERROR(step.before);
    ShimListener* exited = nullptr;
    FakeShims::OneContainer* container = nullptr;
    {
      MutexLock lock(all_->mutex_);
      if (!lives()) return Gone();
      container = &all_->containers_[request.container_id];
      if (container->pod_id.empty()) {
        *container = {pod_id_, request.exit_path, request.cgroups_path, {4000000, WallNanos()}, false, {}};
        if (request.container_id == pod_id_) {
          ASSIGN_OR_RETURN(container->started.pid, StartSleeper(request.cgroups_path));
        }
      }
      if (const int code = std::exchange(all_->next_exit_code_, -1); code >= 0) {
        exited = all_->EndLocked(container, code);
      }
    }
    if (exited != nullptr) exited->OnExit(request.container_id, container->exit);
    if (!step.after.ok()) return absl::UnknownError(step.after.message());
    return container->started;
  }

  absl::Status Kill(const std::string& container_id, int, bool all, const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter(all ? "kill all" : "signal");
    RETURN_IF_ERROR(step.before);
    {
      MutexLock lock(all_->mutex_);
      if (!lives()) return Gone();
      if (all_->ignore_signals_ && !all) return step.after;
    }
    all_->Exit(container_id, 137);
    return step.after;
  }

  absl::Status Delete(const std::string& container_id, const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("delete");
    RETURN_IF_ERROR(step.before);
    MutexLock lock(all_->mutex_);
    if (!lives()) return Gone();
    all_->RemoveLocked(container_id);
    return step.after;
  }

  absl::StatusOr<ExecResult> Exec(const ExecRequest& request, const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("exec");
    RETURN_IF_ERROR(step.before);
    MutexLock lock(all_->mutex_);
    if (!lives()) return Gone();
    return ExecResult{0, request.process_json, "error output"};
  }
  absl::StatusOr<std::unique_ptr<ShimStream>> OpenExec(const ExecStreamRequest&, const CallContext&) override {
    return absl::UnimplementedError("no streams here");
  }
  absl::StatusOr<std::unique_ptr<ShimStream>> Attach(const AttachRequest&, const CallContext&) override {
    return absl::UnimplementedError("no streams here");
  }
  absl::Status ReopenLog(const std::string&, const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("reopen log");
    RETURN_IF_ERROR(step.before);
    MutexLock lock(all_->mutex_);
    return lives() ? step.after : Gone();
  }

  absl::Status Upgrade(const ShimProgram& program, const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("upgrade shim");
    RETURN_IF_ERROR(step.before);
    MutexLock lock(all_->mutex_);
    if (!lives()) return Gone();
    if (all_->busy_ > 0) {
      --all_->busy_;
      return absl::AbortedError("a container is being started");
    }
    all_->shims_[pod_id_].build = program.build;
    return step.after;
  }

  absl::Status Shutdown(const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("shut down");
    RETURN_IF_ERROR(step.before);
    std::vector<std::string> ids;
    MutexLock lock(all_->mutex_);
    if (!lives()) return Gone();
    for (const auto& [id, container] : all_->containers_) {
      if (container.pod_id == pod_id_) ids.push_back(id);
    }
    for (const std::string& id : ids) all_->RemoveLocked(id);
    all_->shims_.erase(pod_id_);
    return step.after;
  }

  absl::Status Terminate(const CallContext&) override {
    const Steps::Step step = all_->steps_->Enter("terminate");
    RETURN_IF_ERROR(step.before);
    MutexLock lock(all_->mutex_);
    all_->shims_.erase(pod_id_);
    return step.after;
  }

 private:
  bool lives() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(all_->mutex_) { return all_->shims_.count(pod_id_) != 0; }

  FakeShims* const all_;
  const std::string pod_id_;
};

FakeShims::~FakeShims() {
  MutexLock lock(mutex_);
  while (!containers_.empty()) RemoveLocked(containers_.begin()->first);
}

ShimListener* FakeShims::EndLocked(OneContainer* container, int exit_code) {
  container->exited = true;
  container->exit = {exit_code, WallNanos(), false};
  if (container->started.pid != 4000000) EndSleeper(container->started.pid, container->cgroups_path);
  shim::WriteExitRecord(container->exit_path, {exit_code, container->exit.finished_at, false});
  const auto shim = shims_.find(container->pod_id);
  return shim == shims_.end() ? nullptr : shim->second.listener;
}

void FakeShims::RemoveLocked(const std::string& container_id) {
  const auto found = containers_.find(container_id);
  if (found == containers_.end()) return;
  if (!found->second.exited) EndLocked(&found->second, 137);
  containers_.erase(found);
}

void FakeShims::Die(const std::string& pod_id) {
  ShimListener* listener = nullptr;
  {
    MutexLock lock(mutex_);
    const auto shim = shims_.find(pod_id);
    if (shim == shims_.end()) return;
    listener = shim->second.listener;
    shims_.erase(shim);
  }
  if (listener != nullptr) listener->OnShimGone();
}

void FakeShims::Exit(const std::string& container_id, int exit_code) {
  ShimListener* listener = nullptr;
  ContainerExit exit;
  {
    MutexLock lock(mutex_);
    const auto found = containers_.find(container_id);
    if (found == containers_.end() || found->second.exited) return;
    listener = EndLocked(&found->second, exit_code);
    exit = found->second.exit;
  }
  if (listener != nullptr) listener->OnExit(container_id, exit);
}

void FakeShims::ExitDuringNextStart(int exit_code) {
  MutexLock lock(mutex_);
  next_exit_code_ = exit_code;
}

bool FakeShims::runs(const std::string& container_id) const {
  MutexLock lock(mutex_);
  const auto found = containers_.find(container_id);
  return found != containers_.end() && !found->second.exited;
}

std::string FakeShims::Leftovers() const {
  MutexLock lock(mutex_);
  std::string left;
  for (const auto& [id, shim] : shims_) absl::StrAppend(&left, "shim ", id, "\n");
  for (const auto& [id, container] : containers_) absl::StrAppend(&left, "container ", id, "\n");
  return left;
}

absl::StatusOr<std::unique_ptr<Shim>> FakeShims::Launch(const std::string& pod_id, const ShimPaths&,
                                                        ShimListener* listener, const CallContext&) {
  const Steps::Step step = steps_->Enter("launch shim");
  RETURN_IF_ERROR(step.before);
  RETURN_IF_ERROR(step.after);  // after an error no shim is left
  MutexLock lock(mutex_);
  shims_[pod_id] = {listener, installed_};
  return std::make_unique<Client>(this, pod_id);
}

absl::StatusOr<std::unique_ptr<Shim>> FakeShims::Connect(const std::string& pod_id, const ShimPaths&,
                                                         ShimListener* listener, const CallContext&) {
  const Steps::Step step = steps_->Enter("connect to shim");
  RETURN_IF_ERROR(step.before);
  RETURN_IF_ERROR(step.after);
  MutexLock lock(mutex_);
  const auto shim = shims_.find(pod_id);
  if (shim == shims_.end()) return Gone();
  shim->second.listener = listener;
  return std::make_unique<Client>(this, pod_id);
}

void FakeShims::Install(const std::string& build) {
  MutexLock lock(mutex_);
  installed_ = build;
}

void FakeShims::BeBusyForUpgrades(int count) {
  MutexLock lock(mutex_);
  busy_ = count;
}

std::string FakeShims::BuildOf(const std::string& pod_id) const {
  MutexLock lock(mutex_);
  const auto shim = shims_.find(pod_id);
  return shim == shims_.end() ? "" : shim->second.build;
}

absl::StatusOr<ShimProgram> FakeShims::Program(const std::string& path, const CallContext&) {
  MutexLock lock(mutex_);
  return ShimProgram{path, installed_};
}

void FakeShims::IgnoreSignals() {
  MutexLock lock(mutex_);
  ignore_signals_ = true;
}

absl::Status FakeShims::Kill(const ShimPaths& paths, const CallContext&) {
  const Steps::Step step = steps_->Enter("kill shim");
  RETURN_IF_ERROR(step.before);
  const std::string directory = paths.socket.substr(0, paths.socket.rfind('/'));
  MutexLock lock(mutex_);
  shims_.erase(directory.substr(directory.rfind('/') + 1));
  return step.after;
}

absl::Status FakeShims::CleanUpContainer(const OciRuntime&, const std::string& container_id, const std::string&,
                                         const CallContext&) {
  const Steps::Step step = steps_->Enter("clean up container");
  RETURN_IF_ERROR(step.before);
  MutexLock lock(mutex_);
  // Nobody writes an exit record for a container without a shim.
  if (const auto found = containers_.find(container_id); found != containers_.end()) {
    if (shims_.count(found->second.pod_id) == 0) found->second.exit_path = "/nowhere/exit";
    RemoveLocked(container_id);
  }
  return step.after;
}

absl::Status FakeShims::RemoveRuntimeState(const OciRuntime&, const std::string&) {
  const Steps::Step step = steps_->Enter("remove runtime state");
  RETURN_IF_ERROR(step.before);
  return step.after;
}

}  // namespace crisp
