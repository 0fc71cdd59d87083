// crisp-shim: runs the containers of one pod. shim/protocol.h describes its requests, shim/server.h answers them.
//
//   crisp-shim --pod ID --socket PATH --log FILE      with the listening socket as descriptor 0
//   crisp-shim --version                              prints "crisp-shim <version>"
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

#include "os/fd.h"
#include "shim/server.h"
#include "shim/shim_log.h"
#include "shim/spawn.h"

namespace crisp::shim {
namespace {

struct Options {
  std::string pod_id;
  std::string socket;
  std::string log;
};

bool ParseOptions(int argc, char** argv, Options* options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--pod") options->pod_id = argv[i + 1];
    if (name == "--socket") options->socket = argv[i + 1];
    if (name == "--log") options->log = argv[i + 1];
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
  ProtectFromOom();
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

bool PrintVersion() {
  constexpr std::string_view kText = "crisp-shim " CRISP_VERSION "\n";
  return write(STDOUT_FILENO, kText.data(), kText.size()) == static_cast<ssize_t>(kText.size());
}

int Main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") return PrintVersion() ? 0 : 1;
  Options options;
  if (!ParseOptions(argc, argv, &options)) return 2;
  Fd listener = TakeListener();
  OpenShimLog(options.log);
  const Fd signals = BlockSignals();
  BecomeKeeper();

  static Scratch scratch;
  Loop loop;
  Children children(loop);
  Server server({loop, children, scratch}, std::move(listener), options.socket, options.pod_id);
  loop.Watch(signals.get(), EPOLLIN, [&](uint32_t) { TakeSignals(signals.get(), children, server); });
  server.Begin();
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace crisp::shim

int main(int argc, char** argv) {
  return crisp::shim::Main(argc, argv);
}
