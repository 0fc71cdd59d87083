#include "shim/upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/pipe.h"
#include "shim/runtime_log.h"
#include "shim/shim_log.h"
#include "shim/spawn.h"
#include "shim/state_file.h"

namespace crisp::shim {

std::string TakesStateAnswer(uint32_t version) {
  return "crisp-shim takes state " + std::to_string(version) + "\n";
}

int RunInPlace(int file, const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  execveat(file, "", arguments.data(), environ, AT_EMPTY_PATH);
  return errno;
}

Upgrader::Upgrader(Context context, Connections& connections, Parts parts)
    : context_(context), connections_(connections), parts_(std::move(parts)) {
  context_.loop.OnRest([this] { OnRest(); });
}

Upgrader::~Upgrader() {
  context_.loop.OnRest(nullptr);
  context_.loop.Cancel(&patience_);
  if (pid_ > 0) context_.children.Forget(pid_);
}

void Upgrader::Begin(const ConnectionRef& client, uint64_t request, const std::string& program) {
  if (asked_.has_value()) {
    return connections_.Refuse(client, request, ErrorCode::kBusy, "upgrade", "another upgrade is under way");
  }
  asked_ = Asked{client, request, program, Fd(open(program.c_str(), O_PATH | O_CLOEXEC))};
  if (!asked_->file.valid()) return Fail(ErrorCode::kInternal, "open " + program + ": " + ErrorText(errno));
  Ask();
}

void Upgrader::Ask() {
  Fd theirs;
  int error = MakePipe(PipeEnd::kRead, &answer_, &theirs);
  if (error == 0) {
    const std::string file = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(asked_->file.get());
    const int stdio[3] = {-1, theirs.get(), theirs.get()};
    pid_ = Spawn({file, kTakesState, std::to_string(kStateVersion)}, stdio);
    error = pid_ > 0 ? context_.children.Add(pid_, [this](const ChildExit& exit) { OnAnswer(exit.code); }) : errno;
  }
  if (error != 0) return Fail(ErrorCode::kInternal, "ask " + asked_->program + ": " + ErrorText(error));
  patience_ = context_.loop.After(kAskNanos, [this] {
    kill(-pid_, SIGKILL);
    context_.children.Forget(std::exchange(pid_, -1));
    Fail(ErrorCode::kInternal, asked_->program + " does not answer whether it takes this shim's state");
  });
}

void Upgrader::OnAnswer(int code) {
  pid_ = -1;
  context_.loop.Cancel(&patience_);
  char buffer[1024];
  const ssize_t n = read(answer_.get(), buffer, sizeof(buffer));
  const std::string_view said(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  if (code == 0 && said == TakesStateAnswer(kStateVersion)) return AwaitRest();
  const std::string words = LastLine(said);
  Fail(ErrorCode::kInternal, asked_->program + " does not take this shim's state, version " +
                                 std::to_string(kStateVersion) + ": " +
                                 (words.empty() ? "it ended with status " + std::to_string(code) : words));
}

void Upgrader::AwaitRest() {
  connections_.HoldRequests();
  waiting_ = true;
  patience_ = context_.loop.After(
      kQuietNanos, [this] { StopWaiting(ErrorCode::kBusy, busy_ + "; the shim cannot be upgraded meanwhile"); });
}

void Upgrader::OnRest() {
  if (!waiting_) return;
  if (!asked_->client->socket.valid()) return StopWaiting(ErrorCode::kCancelled, "nobody waits for it any more");
  busy_ = parts_.busy();
  if (!busy_.empty()) return;
  const int error = Exec();
  StopWaiting(ErrorCode::kInternal, "run " + asked_->program + ": " + ErrorText(error));
}

void Upgrader::StopWaiting(ErrorCode code, const std::string& text) {
  connections_.TakeRequests();
  Fail(code, text);
}

// Returns only after a failure, with an errno value. Nothing of the shim has been changed then.
int Upgrader::Exec() {
  ShimState state = parts_.save(asked_->client, asked_->request);
  std::vector<int> kept;
  const Fd file = WriteStateFile(state, &kept);
  if (!file.valid()) return errno;
  const Fd previous(open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!previous.valid()) return errno;
  kept.insert(kept.end(), {file.get(), previous.get()});
  std::vector<std::string> command = parts_.command;
  command.front() = asked_->program;
  command.insert(command.end(), {kResume, std::to_string(file.get()), kPrevious, std::to_string(previous.get())});
  SetCloseOnExec(kept, false);
  const int error = RunInPlace(asked_->file.get(), command);
  SetCloseOnExec(kept, true);
  return error;
}

void Upgrader::Fail(ErrorCode code, const std::string& text) {
  LogFault("upgrade: " + text);
  context_.loop.Cancel(&patience_);
  waiting_ = false;
  answer_.reset();
  const Asked asked = *std::exchange(asked_, std::nullopt);
  connections_.Refuse(asked.client, asked.request, code, "upgrade", text);
}

}  // namespace crisp::shim
