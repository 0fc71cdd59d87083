#include "shim/native_launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "os/pidfd.h"
#include "shim/exec_helper_image.h"
#include "shim/shim_log.h"
#include "shim/spawn.h"

namespace crisp::shim {
namespace {

// The gate, e2e/native_exec_gate_test.cc, has to pass on a machine with nothing but cgroup v2 before this is true. It
// has beside v1, where the helper is born in its cgroup of v2 as well (SpawnFile).
constexpr bool kTakesOnlyV2 = false;
constexpr int64_t kDeathNanos = 2'000'000'000;  // for a killed helper to die

Failure UseRuntime(const std::string& why) {
  return {ErrorCode::kUseRuntime, "exec", why};
}

std::string SmallFile(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[64];
  const ssize_t n = file.valid() ? read(file.get(), text, sizeof(text)) : 0;
  return std::string(text, n > 0 ? static_cast<size_t>(n) : 0);
}

// A process that joins a frozen cgroup waits there; the runtime has an error for it.
bool IsFrozen(const cgroup::Dir& dir) {
  if (dir.v2) return SmallFile(dir.path + "/cgroup.freeze").substr(0, 1) == "1";
  return dir.Has("freezer") && SmallFile(dir.path + "/freezer.state").substr(0, 4) != "THAW";
}

// The files by which a single thread moves itself. On v1 that of threads: to write the one of processes is to wait for
// an RCU grace period, many milliseconds. On v2 the helper is born in the cgroup instead.
struct CgroupFiles {
  std::vector<Fd> files;
  Fd v2;
};

std::optional<Failure> OpenCgroups(const cgroup::Dirs& cgroups, CgroupFiles* opened) {
  if (cgroups.size() == 1 && cgroups[0].v2 && !kTakesOnlyV2) return UseRuntime("cgroup v2");
  for (const cgroup::Dir& dir : cgroups) {
    if (IsFrozen(dir)) return UseRuntime("cgroup " + dir.path + " is frozen");
    const std::string path = dir.v2 ? dir.path : dir.path + "/tasks";
    Fd fd(open(path.c_str(), (dir.v2 ? O_PATH | O_DIRECTORY : O_WRONLY) | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid()) return UseRuntime("open cgroup " + path + ": " + ErrorText(errno));
    if (dir.v2) {
      opened->v2 = std::move(fd);
    } else {
      opened->files.push_back(std::move(fd));
    }
  }
  return std::nullopt;
}

// A socket whose packets tell their sender.
int MakeSocket(Fd* ours, Fd* theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  ours->reset(ends[0]);
  theirs->reset(ends[1]);
  const int on = 1;
  return setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 ? 0 : errno;
}

struct Packet {
  ssize_t size = -1;  // 0: the end; negative: none now
  ExecReport report;
  std::string text;
  pid_t sender = -1;
  Fd attached;
};

Packet Receive(int socket) {
  char bytes[sizeof(ExecReport) + kMaxExecReportText];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))];
  iovec data{bytes, sizeof(bytes)};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  Packet packet;
  packet.size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (packet.size < static_cast<ssize_t>(sizeof(ExecReport))) return packet;
  memcpy(&packet.report, bytes, sizeof(ExecReport));
  packet.text.assign(bytes + sizeof(ExecReport), static_cast<size_t>(packet.size) - sizeof(ExecReport));
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET) continue;
    if (one->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      memcpy(&sender, CMSG_DATA(one), sizeof(sender));
      packet.sender = sender.pid;
    } else if (one->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(one), sizeof(fd));
      packet.attached.reset(fd);
    }
  }
  return packet;
}

// As Go writes it, whose errors begin with small letters.
std::string GoText(int error) {
  std::string text = ErrorText(error);
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') text[0] = static_cast<char>(text[0] | 0x20);
  return text;
}

std::string StepText(const ExecReport& report, const std::string& text) {
  const std::string error = GoText(report.error);
  const std::string command = "exec: \"" + text + "\": ";
  switch (report.step) {
    case ExecReport::kFind:
      return command + "stat " + text + ": " + error;
    case ExecReport::kNotInPath:
      return command + "executable file not found in $PATH";
    case ExecReport::kNotExecutable:
      return command + "permission denied";
    case ExecReport::kRelativeToPath:
      return command + "cannot run executable found relative to current directory";
    case ExecReport::kWorkingDirectory:
      return "chdir to cwd (\"" + text + "\") set in config.json failed: " + error;
    case ExecReport::kDirectoryOutside:
      return "current working directory is outside of container mount namespace root -- possible container breakout "
             "detected";
    default:
      break;
  }
  constexpr const char* kSteps[] = {"",
                                    "read the plan",
                                    "set oom_score_adj",
                                    "set limits",
                                    "join the namespaces",
                                    "fork",
                                    "join the cgroups",
                                    "make a session",
                                    "join the session keyring",
                                    "make a terminal",
                                    "set no_new_privs",
                                    "load the seccomp filter",
                                    "",
                                    "",
                                    "give stdio to the user",
                                    "set the user",
                                    "set capabilities"};
  return (report.step < std::size(kSteps) ? kSteps[report.step] : "?") + (": " + error);
}

}  // namespace

Failure FailureOf(const ExecReport& report, const std::string& text) {
  if (report.step == ExecReport::kPlan) return UseRuntime("the exec helper does not take the plan");
  if (report.step == ExecReport::kNamespaces && report.error == EINVAL) {
    return UseRuntime("this kernel joins no namespaces by a pidfd");  // before Linux 5.8
  }
  if (report.step == ExecReport::kNamespaces && report.error == ESRCH) {
    return {ErrorCode::kNotRunning, "exec", "the container is not running"};
  }
  return {ErrorCode::kInternal, "exec", "exec failed: unable to start container process: " + StepText(report, text)};
}

NativeLaunch::~NativeLaunch() {
  context_.loop.Cancel(&deadline_);
  context_.loop.Unwatch(reports_.get());
  if (!finished_) return;
  if (helper_ > 0) context_.children.Signal(helper_, SIGKILL);
  if (pid_ > 0) kill(pid_, SIGKILL);  // it has not been reaped: there is a Hold
}

void NativeLaunch::Run(int plan, pid_t init, const cgroup::Dirs& cgroups, const int (&stdio)[3], int64_t timeout_nanos,
                       Finished finished) {
  finished_ = std::move(finished);
  hold_.emplace(context_.children);
  if (std::optional<Failure> failure = Start(plan, init, cgroups, stdio); failure.has_value()) {
    failure_ = std::move(failure);
    reports_.reset();
    deadline_ = context_.loop.After(0, [this] { OnEnd(); });
    return;
  }
  context_.loop.Watch(reports_.get(), EPOLLIN, [this](uint32_t) { OnReports(); });
  deadline_ = context_.loop.After(timeout_nanos, [this] { Stop(ErrorCode::kDeadline); });
}

std::optional<Failure> NativeLaunch::Start(int plan, pid_t init, const cgroup::Dirs& cgroups, const int (&stdio)[3]) {
  const int helper = context_.exec_helper.file();
  if (helper < 0) return UseRuntime("make the exec helper: " + ErrorText(errno));
  CgroupFiles opened;
  if (std::optional<Failure> failure = OpenCgroups(cgroups, &opened); failure.has_value()) return failure;
  const Pidfd process = Pidfd::Open(init);
  Fd theirs;
  const int error = process.valid() ? MakeSocket(&reports_, &theirs) : errno;
  if (error != 0) return Failure{ErrorCode::kInternal, "exec", "start the exec helper: " + ErrorText(error)};
  std::vector<int> descriptors{plan, theirs.get(), process.get()};
  for (const Fd& file : opened.files) descriptors.push_back(file.get());
  helper_ = SpawnFile(helper, stdio, descriptors, opened.v2.get());
  if (helper_ < 0) return UseRuntime("start the exec helper: " + ErrorText(errno));
  if (const int unknown = context_.children.Add(helper_, [this](const ChildExit&) { helper_ = -1; }); unknown != 0) {
    kill(helper_, SIGKILL);
    return Failure{ErrorCode::kInternal, "exec", "watch the exec helper: " + ErrorText(unknown)};
  }
  return std::nullopt;
}

void NativeLaunch::OnReports() {
  for (;;) {
    Packet packet = Receive(reports_.get());
    if (packet.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (packet.size < static_cast<ssize_t>(sizeof(ExecReport))) return OnEnd();
    if (packet.attached.valid()) terminal_ = std::move(packet.attached);
    Take(packet.report, std::move(packet.text), packet.sender);
  }
}

void NativeLaunch::Take(const ExecReport& report, std::string text, pid_t sender) {
  if (report.kind == ExecReport::kStarted) {
    pid_ = sender;
    if (stopped_.has_value()) kill(pid_, SIGKILL);
  }
  ready_ = ready_ || report.kind == ExecReport::kReady;
  if (report.kind == ExecReport::kFailed) failure_ = FailureOf(report, text);
}

// The socket's end is awaited all the same: only then it is known that no process is left that would become the
// command.
void NativeLaunch::Stop(ErrorCode why) {
  if (!finished_ || stopped_.has_value() || !reports_.valid()) return;  // what did not start ends at once
  stopped_ = why;
  if (helper_ > 0) context_.children.Signal(helper_, SIGKILL);
  if (pid_ > 0) kill(pid_, SIGKILL);
  context_.loop.Cancel(&deadline_);
  deadline_ = context_.loop.After(kDeathNanos, [this] {
    LogFault("exec: the killed helper is not gone");
    OnEnd();
  });
}

void NativeLaunch::OnEnd() {
  if (stopped_.has_value()) {
    const bool late = *stopped_ == ErrorCode::kDeadline;
    return Finish(Failure{*stopped_, "exec", late ? "the command was not launched in time" : "cancelled"});
  }
  if (failure_.has_value() || ready_) return Finish(std::exchange(failure_, std::nullopt));
  if (pid_ < 0) return Finish(UseRuntime("the exec helper ended before it had begun"));
  Finish(Failure{ErrorCode::kInternal, "exec", "the process ended before its command ran"});
}

void NativeLaunch::Finish(std::optional<Failure> failure) {
  context_.loop.Cancel(&deadline_);
  context_.loop.Unwatch(reports_.get());
  reports_.reset();
  if (helper_ > 0) context_.children.Forget(std::exchange(helper_, -1));
  std::exchange(finished_, nullptr)(std::move(failure), pid_);
  hold_.reset();  // `finished` has added the process to the children
}

}  // namespace crisp::shim
