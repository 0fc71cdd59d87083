// crisp-shim: runs the containers of one pod. shim/protocol.h describes its requests, shim/server.h answers them.
//
//   crisp-shim --pod ID --socket PATH --log FILE      with the listening socket as descriptor 0
//   crisp-shim --version                              prints "crisp-shim <version>"
//   crisp-shim --build                                prints the name of the build (shim/build.h)
//   crisp-shim --takes-state VERSION                  says whether it can go on from a shim's state (shim/upgrade.h)
//
// For an upgrade the first command line goes on with --resume STATE --previous PROGRAM, both descriptors.
//
// It runs in a session of its own and outlives the daemon. It ends on Shutdown, or on SIGTERM once no container is
// alive.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "os/fd.h"
#include "shim/build.h"
#include "shim/exec_helper_image.h"
#include "shim/server.h"
#include "shim/shim_log.h"
#include "shim/spawn.h"
#include "shim/state_file.h"
#include "shim/upgrade.h"

namespace crisp::shim {
namespace {

struct Options {
  std::string pod_id;
  std::string socket;
  std::string log;
  int state = -1;  // of the program that this one takes over from, and that program
  int previous = -1;
};

int Number(const char* text) {
  const std::string_view digits = text;
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

bool ParseOptions(int argc, char** argv, Options* options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--pod") options->pod_id = argv[i + 1];
    if (name == "--socket") options->socket = argv[i + 1];
    if (name == "--log") options->log = argv[i + 1];
    if (name == kResume) options->state = Number(argv[i + 1]);
    if (name == kPrevious) options->previous = Number(argv[i + 1]);
  }
  return !options->pod_id.empty() && !options->socket.empty();
}

// Moves the listener away from descriptor 0. Descriptors 0, 1 and 2 become /dev/null, so that no child inherits a way
// out.
Fd TakeListener() {
  Fd listener(fcntl(0, F_DUPFD_CLOEXEC, 3));
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  if (null > 2) close(null);
  return listener;
}

Fd BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void BecomeKeeper() {
  setsid();  // fails if the daemon has made it the leader of a session already
  [[maybe_unused]] const int changed = chdir("/");
  umask(022);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
#if !defined(__SANITIZE_ADDRESS__)
  // No core dump with a workload's output in it, and no ptrace(2) by a container that shares the host's pid namespace.
  // Not with AddressSanitizer: its leak check uses ptrace.
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

void TakeSignals(int signals, Children& children, Server& server) {
  signalfd_siginfo info[8];
  const ssize_t n = read(signals, info, sizeof(info));
  for (size_t i = 0; n > 0 && i < static_cast<size_t>(n) / sizeof(info[0]); ++i) {
    if (info[i].ssi_signo == SIGCHLD) {
      children.Sweep();
    } else {
      server.LeaveWhenIdle();
    }
  }
}

int Print(std::string_view text) {
  return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
}

int AnswerTakesState(const char* version) {
  const int number = Number(version);
  const bool takes = number >= static_cast<int>(kOldestState) && number <= static_cast<int>(kStateVersion);
  return takes ? Print(TakesStateAnswer(static_cast<uint32_t>(number))) : 2;
}

// The questions that are answered without a pod; -1 if it is none.
int Answer(int argc, char** argv) {
  const std::string_view question = argc > 1 ? argv[1] : "";
  if (argc == 2 && question == "--version") return Print("crisp-shim " CRISP_VERSION "\n");
  if (argc == 2 && question == "--build") return Print(BuildName() + "\n");
  if (argc == 3 && question == kTakesState) return AnswerTakesState(argv[2]);
  return -1;
}

std::vector<std::string> CommandOf(const Options& options, const char* program) {
  return {program, "--pod", options.pod_id, "--socket", options.socket, "--log", options.log};
}

// This program cannot go on from the state; the one that wrote it can. Returns if that cannot be run either.
void GoBack(const Options& options, const char* program, const std::string& why) {
  LogFault("upgrade: " + std::string(program) + " cannot read the shim's state: " + why);
  if (options.previous < 0) return;
  std::vector<std::string> command = CommandOf(options, program);
  command.insert(command.end(), {kResume, std::to_string(options.state)});
  fcntl(options.previous, F_SETFD, FD_CLOEXEC);
  LogFault("upgrade: run the old program again", RunInPlace(options.previous, command));
}

// Takes over from the program that wrote the state. The descriptors of both are closed.
bool TakeState(const Options& options, const char* program, ShimState* state) {
  if (const std::string error = ReadStateFile(options.state, state); !error.empty()) {
    GoBack(options, program, error);
    return false;
  }
  close(options.state);
  if (options.previous >= 0) close(options.previous);
  prctl(PR_SET_NAME, "crisp-shim");  // execveat(2) has made it the number of a descriptor
  SetOriginalOom(state->original_oom);
  LogFault("upgraded from " + state->build + " to " + BuildName());
  return true;
}

int Main(int argc, char** argv) {
  if (const int answered = Answer(argc, argv); answered >= 0) return answered;
  Options options;
  if (!ParseOptions(argc, argv, &options)) return 2;
  OpenShimLog(options.log);
  const bool resumes = options.state >= 0;
  ShimState state;
  if (resumes && !TakeState(options, argv[0], &state)) return 1;
  Fd listener = resumes ? Fd(state.listener) : TakeListener();
  const Fd signals = BlockSignals();
  BecomeKeeper();
  if (!resumes) ProtectFromOom();

  static Scratch scratch;
  Loop loop;
  Children children(loop);
  ExecHelper exec_helper;
  Server server({loop, children, scratch, exec_helper}, std::move(listener), options.socket, options.pod_id,
                CommandOf(options, argv[0]));
  loop.Watch(signals.get(), EPOLLIN, [&](uint32_t) { TakeSignals(signals.get(), children, server); });
  if (resumes) {
    server.Resume(state);
    children.Sweep();
  } else {
    server.Begin();
  }
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace crisp::shim

int main(int argc, char** argv) {
  return crisp::shim::Main(argc, argv);
}
