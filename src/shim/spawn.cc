#include "shim/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "os/fd.h"

namespace crisp::shim {
namespace {

constexpr char kOomFile[] = "/proc/self/oom_score_adj";
constexpr char kProtected[] = "-998";

constexpr size_t kMaxSpawnFds = 64;

char g_original_oom[8];  // the previous value; empty if it was not changed

void Put(int fd, const char* text) {
  [[maybe_unused]] const ssize_t n = write(fd, text, strlen(text));
}

void RestoreOom() {
  if (g_original_oom[0] == '\0') return;
  const int fd = open(kOomFile, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) Put(fd, g_original_oom);
}

// Every signal, by system call: the shim may have been started with some ignored, which would reach containers, and
// sigaction(3) refuses 32 and 33, which glibc keeps for itself. SIGKILL and SIGSTOP fail, and cannot be ignored.
void ResetSignals() {
  constexpr size_t kSetSize = 8;    // bytes of the kernel's sigset_t
  const uint64_t defaults[4] = {};  // its struct sigaction: handler SIG_DFL, no flags, no restorer, an empty mask
  for (int number = 1; number <= 64; ++number) syscall(SYS_rt_sigaction, number, defaults, nullptr, kSetSize);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Moves the descriptors above 2 first, so that no dup2(2) overwrites the source of another.
void SetStdio(const int (&stdio)[3]) {
  int high[3];
  for (int i = 0; i < 3; ++i) {
    const int fd = stdio[i] >= 0 ? stdio[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
    high[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  }
  for (int i = 0; i < 3; ++i) dup2(high[i], i);
  syscall(SYS_close_range, 3U, ~0U, 0U);
}

// Of every child: in a process group of its own, with nothing of the shim's own state but descriptors.
void BecomeChild(pid_t shim) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shim) _exit(127);  // the shim died before the line above
  RestoreOom();
  ResetSignals();
}

[[noreturn]] void RunChild(char* const* argv, const int (&stdio)[3], pid_t shim) {
  BecomeChild(shim);
  SetStdio(stdio);
  execv(argv[0], argv);
  const int error = errno;
  Put(2, argv[0]);
  Put(2, ": ");
  Put(2, strerrordesc_np(error) != nullptr ? strerrordesc_np(error) : "cannot be run");
  Put(2, "\n");
  _exit(127);
}

// The program itself is closed by its execution.
[[noreturn]] void RunFile(int file, const int (&stdio)[3], const std::vector<int>& more, pid_t shim) {
  BecomeChild(shim);
  const int first = 3 + static_cast<int>(more.size()) + 1;
  const int program = fcntl(file, F_DUPFD_CLOEXEC, first);
  int high[kMaxSpawnFds];
  for (size_t i = 0; i < more.size(); ++i) high[i] = fcntl(more[i], F_DUPFD_CLOEXEC, first);
  int standard[3];
  for (int i = 0; i < 3; ++i) {
    const int fd = stdio[i] >= 0 ? stdio[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
    standard[i] = fcntl(fd, F_DUPFD_CLOEXEC, first);
  }
  for (int i = 0; i < 3; ++i) dup2(standard[i], i);
  for (size_t i = 0; i < more.size(); ++i) dup2(high[i], 3 + static_cast<int>(i));
  dup3(program, first - 1, O_CLOEXEC);
  syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U);
  char name[] = "crisp-exec-helper";
  char* const argv[] = {name, nullptr};
  char* const environment[] = {nullptr};
  execveat(first - 1, "", argv, environment, AT_EMPTY_PATH);
  _exit(127);
}

// fork(2), into a cgroup of v2 if there is one.
pid_t Fork(int cgroup) {
  if (cgroup < 0) return fork();
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<uint64_t>(cgroup);
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

}  // namespace

void ProtectFromOom() {
  Fd file(open(kOomFile, O_RDWR | O_CLOEXEC));
  if (!file.valid()) return;
  char original[sizeof(g_original_oom)] = {};
  const ssize_t n = read(file.get(), original, sizeof(original) - 1);
  if (n <= 0) return;
  if (pwrite(file.get(), kProtected, strlen(kProtected), 0) > 0) memcpy(g_original_oom, original, sizeof(original));
}

std::string OriginalOom() {
  return g_original_oom;
}

void SetOriginalOom(const std::string& value) {
  const size_t size = std::min(value.size(), sizeof(g_original_oom) - 1);
  memcpy(g_original_oom, value.data(), size);
  g_original_oom[size] = '\0';
}

pid_t Spawn(const std::vector<std::string>& argv, const int (&stdio)[3]) {
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (const std::string& arg : argv) pointers.push_back(const_cast<char*>(arg.c_str()));
  pointers.push_back(nullptr);
  const pid_t shim = getpid();
  const pid_t pid = fork();
  if (pid == 0) RunChild(pointers.data(), stdio, shim);
  if (pid > 0) setpgid(pid, pid);  // here and in the child: a group kill may come before either
  return pid;
}

pid_t SpawnFile(int file, const int (&stdio)[3], const std::vector<int>& more, int cgroup) {
  if (more.size() > kMaxSpawnFds) {
    errno = E2BIG;
    return -1;
  }
  const pid_t shim = getpid();
  const pid_t pid = Fork(cgroup);
  if (pid == 0) RunFile(file, stdio, more, shim);
  if (pid > 0) setpgid(pid, pid);
  return pid;
}

}  // namespace crisp::shim
