#include "shim/exec_process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "shim/container.h"
#include "shim/loop.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

std::string FirstController(const cgroup::Dir& dir) {
  for (const char* controller : {"pids", "freezer", "devices"}) {
    if (dir.Has(controller)) return controller;
  }
  return {};
}

}  // namespace

ExecProcess::ExecProcess(Context context, const Container& container, uint64_t number, Source source)
    : context_(context),
      container_id_(container.id()),
      bundle_(container.bundle()),
      runtime_(container.runtime()),
      stdio_owner_(container.stdio_owner()),
      cgroups_(container.exec_cgroups()),
      number_(number),
      name_("exec-" + std::to_string(number)),
      source_(std::move(source)),
      init_(container.pid()),
      container_cgroups_(container.cgroups()),
      command_(context.loop, context.children),
      native_(context),
      cgroup_end_(context.loop) {}

ExecProcess::~ExecProcess() {
  if (pid_ > 0) context_.children.Forget(pid_);
}

void ExecProcess::Launch(const int (&stdio)[3], const std::string& console_socket, Launched launched, Exited exited) {
  launched_ = std::move(launched);
  exited_ = std::move(exited);
  if (const int error = GivePipes(stdio, stdio_owner_); error != 0) {
    LogFault("exec: give its pipes to the container's root", error);
  }
  cgroup_ = cgroups_->Take();
  launch_times_.begun = MonoNanos();
  if (source_.planned) {
    LaunchNatively(stdio);
  } else {
    LaunchByRuntime(stdio, console_socket);
  }
}

void ExecProcess::LaunchByRuntime(const int (&stdio)[3], const std::string& console_socket) {
  command_.Run(runtime_, "exec", Arguments(console_socket), stdio, bundle_ + "/" + name_ + ".log",
               Container::kDefaultTimeout,
               [this](std::optional<Failure> failure) { OnRuntimeEnded(std::move(failure)); });
}

void ExecProcess::LaunchNatively(const int (&stdio)[3]) {
  cgroup::Dirs cgroups = container_cgroups_;
  for (cgroup::Dir& dir : cgroups) {
    if (cgroup_.has_value() && cgroup_->path.compare(0, cgroup_->path.rfind('/'), dir.path) == 0) dir = *cgroup_;
  }
  native_.Run(source_.file.get(), init_, cgroups, stdio, Container::kDefaultTimeout,
              [this](std::optional<Failure> failure, pid_t pid) { OnLaunched(std::move(failure), pid); });
}

std::vector<std::string> ExecProcess::Arguments(const std::string& console_socket) const {
  // The runtime reads the process object from the shim's descriptor: no file to clean up, no size limit of a packet.
  const std::string process = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(source_.file.get());
  std::vector<std::string> args{"exec", "--detach", "--process", process, "--pid-file", PidFile()};
  if (cgroup_.has_value()) {
    const std::string controller = FirstController(*cgroup_);
    const std::string name = cgroup_->path.substr(cgroup_->path.rfind('/') + 1);
    args.insert(args.end(), {"--cgroup", controller.empty() ? name : controller + ":" + name});
  }
  if (!console_socket.empty()) args.insert(args.end(), {"--tty", "--console-socket", console_socket});
  args.push_back(container_id_);
  return args;
}

void ExecProcess::OnRuntimeEnded(std::optional<Failure> failure) {
  const pid_t pid = ReadPidFile(PidFile());
  RemovePidFile(PidFile());
  if (!failure.has_value() && pid < 0) failure = Failure{ErrorCode::kInternal, "exec", "the runtime wrote no pid-file"};
  OnLaunched(std::move(failure), pid);
}

void ExecProcess::OnLaunched(std::optional<Failure> failure, pid_t pid) {
  launch_times_.ended = MonoNanos();
  source_.file.reset();
  if (failure.has_value()) {
    if (pid > 0) context_.children.Add(pid, nullptr);  // it was made, and the launch failed then
  } else {
    failure = Take(pid);
  }
  if (!failure.has_value() && !killed_) return std::exchange(launched_, nullptr)(std::nullopt);
  KillAll([this, failure] { killed_ ? killed_() : std::exchange(launched_, nullptr)(failure); });
}

std::optional<Failure> ExecProcess::Take(pid_t pid) {
  const int error = context_.children.Add(pid, [this](const ChildExit& exit) { OnExit(exit.code); });
  if (error != 0) {
    return Failure{ErrorCode::kInternal, "exec", "process " + std::to_string(pid) + ": " + ErrorText(error)};
  }
  pid_ = pid;
  return std::nullopt;
}

void ExecProcess::OnExit(int code) {
  pid_ = -1;
  exited_(code);
}

ProcessState ExecProcess::Save() const {
  ProcessState state{pid_, launch_times_, {}};
  if (cgroup_.has_value()) state.cgroup.push_back({*cgroup_});
  return state;
}

void ExecProcess::Restore(const ProcessState& state, Exited exited) {
  exited_ = std::move(exited);
  pid_ = static_cast<pid_t>(state.pid);
  launch_times_ = state.launch;
  if (!state.cgroup.empty()) cgroup_ = state.cgroup.front().dir;
  if (pid_ > 0) context_.children.Own(pid_, [this](const ChildExit& exit) { OnExit(exit.code); });
}

void ExecProcess::Kill(std::function<void()> killed) {
  if (!launched_) return KillAll(std::move(killed));
  killed_ = std::move(killed);
  source_.planned ? native_.Cancel()
                  : command_.Cancel();  // OnLaunched goes on; if it has been called, it is killing already
}

void ExecProcess::KillAll(std::function<void()> killed) {
  if (pid_ > 0) {
    context_.children.Signal(pid_, SIGKILL);
    kill(-pid_, SIGKILL);  // the runtime made it a session's leader
    context_.children.Forget(std::exchange(pid_, -1));
  }
  if (!cgroup_.has_value()) return killed();
  cgroup_end_.Kill({*cgroup_}, [this, killed = std::move(killed)](int error) {
    if (error != 0) LogFault("exec: a process in " + cgroup_->path + " does not die");
    killed();
  });
}

void ExecProcess::Leave() {
  if (cgroup_.has_value()) cgroups_->Give(*std::exchange(cgroup_, std::nullopt));
}

}  // namespace crisp::shim
