// The program of a pod's first container. It holds the pod's namespaces and does nothing; where the pod shares its
// process namespace it is pid 1 of it, and reaps what others leave behind.
//
// The signals are blocked and waited for, so no handler exists and nothing races: SIGTERM and SIGINT end it with 0
// (as pid 1 it would otherwise not notice them: the kernel gives pid 1 no default actions), SIGCHLD makes it reap.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void ReapAll() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace

int main() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0) return 1;
  // A SIGCHLD that came before the mask was set is lost; its zombie is not.
  ReapAll();
  for (;;) {
    const int signal = sigwaitinfo(&wanted, nullptr);
    if (signal == SIGTERM || signal == SIGINT) return 0;
    ReapAll();  // SIGCHLD, or EINTR after a stop and continue
  }
}
