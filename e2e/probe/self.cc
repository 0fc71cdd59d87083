// What a process can see of itself: prints a line "name value" for each, in a fixed order, so that two processes can be
// compared. What differs from one run to the next of the same program is left out: pids, times, sizes, the numbers of
// pipes. Static, to be mounted into any container.
#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

void Print(const std::string& name, const std::string& value) {
  std::printf("%s %s\n", name.c_str(), value.c_str());
}

void PrintNumber(const std::string& name, long value) {
  Print(name, std::to_string(value) + (value < 0 ? " errno " + std::to_string(errno) : ""));
}

std::string Read(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::string("errno ") + std::to_string(errno);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void PrintLines(const std::string& name, const std::string& text, const std::vector<std::string>& but = {}) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool skip = std::any_of(but.begin(), but.end(),
                                  [&](const std::string& one) { return line.compare(0, one.size(), one) == 0; });
    if (!skip) Print(name, line);
  }
}

// The number of a pipe or a socket is that of one run.
std::string Target(const std::string& path) {
  char target[4096];
  const ssize_t n = readlink(path.c_str(), target, sizeof(target));
  if (n < 0) return std::string("errno ") + std::to_string(errno);
  std::string text(target, static_cast<size_t>(n));
  for (const char* kind : {"pipe:", "socket:"}) {
    if (text.compare(0, strlen(kind), kind) == 0) return kind;
  }
  return text;
}

void PrintDirectory(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return Print(path, "errno " + std::to_string(errno));
  const std::string own = std::to_string(dirfd(directory));
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && entry->d_name != own) names.push_back(entry->d_name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) Print(path + "/" + name, Target(path + "/" + name));
}

void PrintDescriptors() {
  PrintDirectory("/proc/self/fd");
  for (int fd = 0; fd < 3; ++fd) {
    struct stat info {};
    fstat(fd, &info);
    char text[128];
    std::snprintf(text, sizeof(text), "mode %o uid %u gid %u flags %o tty %d", info.st_mode, info.st_uid, info.st_gid,
                  fcntl(fd, F_GETFL), isatty(fd));
    Print("stdio", text);
  }
  termios terminal{};
  winsize size{};
  if (tcgetattr(0, &terminal) != 0) return;
  ioctl(0, TIOCGWINSZ, &size);
  PrintNumber("terminal-input", terminal.c_iflag);
  PrintNumber("terminal-output", terminal.c_oflag);
  PrintNumber("terminal-control", terminal.c_cflag);
  PrintNumber("terminal-local", terminal.c_lflag);
  PrintNumber("terminal-rows", size.ws_row);
  PrintNumber("terminal-group-is-mine", tcgetpgrp(0) == getpgrp());
  PrintNumber("terminal-session-is-mine", tcgetsid(0) == getsid(0));
  const int control = open("/dev/tty", O_RDWR);
  PrintNumber("controlling-terminal", control >= 0);
}

void PrintSignals() {
  for (int number = 1; number < 65; ++number) {
    unsigned long action[4] = {};
    if (syscall(SYS_rt_sigaction, number, nullptr, action, 8) == 0 && action[0] != 0) {
      PrintNumber("signal-" + std::to_string(number), static_cast<long>(action[0]));
    }
  }
  unsigned long mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, 8);
  PrintNumber("signal-mask", static_cast<long>(mask));
}

// The key's number is that of one keyring; the same container's is the same.
void PrintKeyring() {
  const long key = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
  PrintNumber("keyring", key);
  char text[256] = {};
  if (key > 0 && syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, text, sizeof(text)) > 0) Print("keyring", text);
}

void PrintIdentity() {
  uid_t uids[3];
  gid_t gids[3];
  getresuid(&uids[0], &uids[1], &uids[2]);
  getresgid(&gids[0], &gids[1], &gids[2]);
  for (int i = 0; i < 3; ++i) Print("ids", std::to_string(uids[i]) + ":" + std::to_string(gids[i]));
  gid_t groups[64];
  const int count = getgroups(64, groups);
  for (int i = 0; i < count; ++i) PrintNumber("group", groups[i]);
  PrintNumber("securebits", prctl(PR_GET_SECUREBITS));
  PrintNumber("no-new-privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  PrintNumber("dumpable", prctl(PR_GET_DUMPABLE));
  PrintNumber("keep-capabilities", prctl(PR_GET_KEEPCAPS));
  int signal = 0;
  prctl(PR_GET_PDEATHSIG, &signal);
  PrintNumber("parent-death-signal", signal);
  PrintNumber("timer-slack", prctl(PR_GET_TIMERSLACK));
  int subreaper = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  PrintNumber("subreaper", subreaper);
  PrintNumber("parent", getppid());
  PrintNumber("leads-its-session", getsid(0) == getpid());
  PrintNumber("leads-its-group", getpgrp() == getpid());
  PrintNumber("personality", personality(0xffffffff));
  const mode_t mask = umask(0);
  PrintNumber("umask", mask);
}

void PrintScheduling() {
  PrintNumber("policy", sched_getscheduler(0));
  errno = 0;
  PrintNumber("nice", getpriority(PRIO_PROCESS, 0));
  PrintNumber("io-priority", syscall(SYS_ioprio_get, 1, 0));
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof(cpus), &cpus);
  PrintNumber("cpus", CPU_COUNT(&cpus));
  struct sched_param parameter {};
  sched_getparam(0, &parameter);
  PrintNumber("sched-priority", parameter.sched_priority);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) Print("argument", argv[i]);
  for (char** variable = environ; *variable != nullptr; ++variable) Print("variable", *variable);
  PrintLines("status", Read("/proc/self/status"),
             {"Pid:", "Tgid:", "NStgid:", "NSpid:", "NSpgid:", "NSsid:", "Vm", "Rss", "SigQ:", "voluntary",
              "nonvoluntary", "FDSize:"});
  for (const char* file : {"attr/current", "attr/exec", "attr/keycreate", "limits", "cgroup", "uid_map", "gid_map",
                           "setgroups", "oom_score_adj", "loginuid", "sessionid", "timens_offsets", "coredump_filter",
                           "mountinfo", "comm", "autogroup"}) {
    PrintLines(file, Read(std::string("/proc/self/") + file), {"/autogroup"});
  }
  PrintDirectory("/proc/self/ns");
  for (const char* link : {"cwd", "root", "exe"}) Print(link, Target(std::string("/proc/self/") + link));
  PrintIdentity();
  PrintDescriptors();
  PrintSignals();
  PrintKeyring();
  PrintScheduling();
  return 0;
}
