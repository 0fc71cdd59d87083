#include "shim/runtime_command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "os/pipe.h"
#include "shim/runtime_log.h"
#include "shim/shim_log.h"
#include "shim/spawn.h"

namespace crisp::shim {
namespace {

constexpr int64_t kDeathNanos = 2'000'000'000;  // for a killed runtime to die; in state D it may take for ever
constexpr size_t kLogTail = 16384;

std::vector<std::string> CommandLine(const Runtime& runtime, const std::string& log_path,
                                     const std::vector<std::string>& args) {
  std::vector<std::string> line{runtime.binary, "--root", runtime.root, "--log", log_path, "--log-format", "json"};
  if ((runtime.flags & Start::kSystemdCgroup) != 0) line.push_back("--systemd-cgroup");
  line.insert(line.end(), args.begin(), args.end());
  return line;
}

// At most `limit` bytes of the end of a file; empty if it cannot be read.
std::string ReadTail(const std::string& path, size_t limit) {
  std::string text;
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!file.valid() || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return text;
  const off_t start = std::max<off_t>(0, info.st_size - static_cast<off_t>(limit));
  text.resize(static_cast<size_t>(info.st_size - start));
  const ssize_t n = pread(file.get(), text.data(), text.size(), start);
  text.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return text;
}

}  // namespace

pid_t ReadPidFile(const std::string& path) {
  const std::string text = ReadTail(path, 32);
  pid_t pid = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc() && pid > 0 ? pid : -1;
}

void RemovePidFile(const std::string& path) {
  unlink(path.c_str());
  std::string unfinished = path;
  unfinished.insert(unfinished.rfind('/') + 1, ".");
  unlink(unfinished.c_str());
}

RuntimeCommand::~RuntimeCommand() {
  loop_.Cancel(&deadline_);
  loop_.Unwatch(stderr_.get());
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  children_.Forget(pid_);
}

void RuntimeCommand::Run(const Runtime& runtime, std::string step, const std::vector<std::string>& args,
                         const int (&stdio)[3], std::string log_path, int64_t timeout_nanos, Finished finished) {
  step_ = std::move(step);
  log_path_ = std::move(log_path);
  finished_ = std::move(finished);
  stopped_.reset();
  said_nothing_ = false;
  stderr_text_.clear();
  unlink(log_path_.c_str());

  int child_stdio[3] = {stdio[0], stdio[1], stdio[2]};
  Fd stderr_write;
  if (stdio[2] < 0 && MakePipe(PipeEnd::kRead, &stderr_, &stderr_write) == 0) {
    child_stdio[2] = stderr_write.get();
    loop_.Watch(stderr_.get(), EPOLLIN, [this](uint32_t) { ReadStderr(); });
  }
  hold_.emplace(children_);
  pid_ = Spawn(CommandLine(runtime, log_path_, args), child_stdio);
  int error = pid_ > 0 ? 0 : errno;
  if (error == 0) error = children_.Add(pid_, [this](const ChildExit& exit) { OnExit(exit.code); });
  if (error != 0) {
    const std::string text = ErrorText(error);
    if (pid_ > 0) kill(-pid_, SIGKILL);
    pid_ = -1;
    deadline_ = loop_.After(0, [this, text] {
      Finish(Failure{ErrorCode::kInternal, step_, "start the runtime: " + text});
    });
    return;
  }
  deadline_ = loop_.After(timeout_nanos, [this] { Stop(ErrorCode::kDeadline); });
}

void RuntimeCommand::Stop(ErrorCode why) {
  if (pid_ < 0 || stopped_.has_value()) return;
  stopped_ = why;
  kill(-pid_, SIGKILL);  // the pid cannot be reused before the runtime is reaped
  loop_.Cancel(&deadline_);
  deadline_ = loop_.After(kDeathNanos, [this] {
    LogFault(step_ + ": the killed runtime is not gone, pid " + std::to_string(pid_));
    children_.Forget(pid_);
    OnExit(128 + SIGKILL);
  });
}

void RuntimeCommand::ReadStderr() {
  char buffer[1024];
  const ssize_t n = read(stderr_.get(), buffer, sizeof(buffer));
  if (n > 0) {
    stderr_text_.append(buffer, std::min(static_cast<size_t>(n), kMaxText - stderr_text_.size()));
  } else if (n == 0 || errno != EAGAIN) {
    loop_.Unwatch(stderr_.get());
    stderr_.reset();
  }
}

void RuntimeCommand::OnExit(int code) {
  pid_ = -1;
  loop_.Cancel(&deadline_);
  if (stderr_.valid()) ReadStderr();
  loop_.Unwatch(stderr_.get());
  stderr_.reset();
  if (code == 0 && !stopped_.has_value()) return Finish(std::nullopt);
  Finish(Failure{stopped_.value_or(ErrorCode::kInternal), step_, Explain(code)});
}

void RuntimeCommand::Finish(std::optional<Failure> failure) {
  unlink(log_path_.c_str());
  const Finished finished = std::move(finished_);
  finished(std::move(failure));
  if (pid_ < 0) hold_.reset();  // `finished` has read the pid-file, and has not begun another run
}

std::string RuntimeCommand::Explain(int code) {
  if (stopped_ == ErrorCode::kDeadline) return "the runtime did not finish in time and was killed";
  if (stopped_ == ErrorCode::kCancelled) return "cancelled";
  std::string text = LastRuntimeError(ReadTail(log_path_, kLogTail));
  if (text.empty()) text = LastLine(stderr_text_);
  said_nothing_ = text.empty();
  if (said_nothing_) text = "the runtime ended with status " + std::to_string(code);
  return text.substr(0, kMaxText);
}

}  // namespace crisp::shim
