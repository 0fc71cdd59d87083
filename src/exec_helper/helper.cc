// The exec helper: becomes a command inside a running container, in place of the OCI runtime's `exec`.
//
// The shim starts it from a sealed memory file (shim/exec_helper_image.h) with the descriptors of shim/exec_plan.h and
// nothing else of the host: whatever the container gets hold of in a moment between, it is this program, which cannot
// be written, or a file of its own cgroup. The process is not dumpable until execve(2) of the command.
//
// Two processes, because a pid namespace is entered by children only. The first prepares what a process of the
// container may not, joins all namespaces at once by the pidfd of the container's first process, and leaves a child,
// which has the shim as its parent. The child takes the steps of the OCI runtime, in its order: cgroups, session,
// keyring, terminal, no_new_privs, seccomp filter (last of all if no_new_privs is set, else before capabilities go),
// working directory, user, capabilities.
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/socket.h>
#include <linux/uio.h>

#include "exec_helper/identity.h"
#include "exec_helper/plan.h"
#include "exec_helper/program.h"
#include "exec_helper/report.h"
#include "exec_helper/syscalls.h"
#include "exec_helper/terminal.h"

namespace crisp::exec_helper {

using shim::ExecPlan;

void End(int code) {
  for (;;) Call(__NR_exit_group, code);
}

bool Tell(ExecReport::Kind kind) {
  ExecReport report;
  report.kind = kind;
  return Call(__NR_write, shim::kExecReportFd, &report, sizeof(report)) == static_cast<long>(sizeof(report));
}

void Fail(ExecReport::Step step, long result, const char* text) {
  ExecReport report;
  report.kind = ExecReport::kFailed;
  report.step = step;
  report.error = static_cast<int32_t>(-result);
  size_t length = Length(text);
  if (length > shim::kMaxExecReportText) length = shim::kMaxExecReportText;
  const iovec parts[2] = {{&report, sizeof(report)}, {const_cast<char*>(text), length}};
  Call(__NR_writev, shim::kExecReportFd, &parts[0], 2);
  End(255);
}

bool TellTerminal(int master) {
  // struct msghdr and struct cmsghdr of the kernel, which its headers for programs do not have (recvmsg(2), cmsg(3)).
  struct Control {
    size_t length = sizeof(size_t) + 2 * sizeof(int) + sizeof(int);
    int level = 1;  // SOL_SOCKET
    int type = 1;   // SCM_RIGHTS
    int fd = -1;
  };
  struct Message {
    void* name = nullptr;
    int name_size = 0;
    iovec* parts = nullptr;
    size_t count = 1;
    void* control = nullptr;
    size_t control_size = 0;
    unsigned flags = 0;
  };
  ExecReport report;
  report.kind = ExecReport::kTerminal;
  iovec part = {&report, sizeof(report)};
  Control control;
  control.fd = master;
  Message message;
  message.parts = &part;
  message.control = &control;
  message.control_size = sizeof(control);
  return Call(__NR_sendmsg, shim::kExecReportFd, &message, 0) == static_cast<long>(sizeof(report));
}

namespace {

long WriteFile(const char* path, const char* text, size_t size) {
  const long fd = Call(__NR_openat, AT_FDCWD, path, 1 /* O_WRONLY */ | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const long result = Call(__NR_write, fd, text, size);
  Call(__NR_close, fd);
  return result;
}

void SetOomScore(int32_t score) {
  char digits[12];
  size_t at = sizeof(digits);
  uint32_t rest = static_cast<uint32_t>(score < 0 ? -score : score);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (score < 0) digits[--at] = '-';
  Must(ExecReport::kOomScore, WriteFile("/proc/self/oom_score_adj", digits + at, sizeof(digits) - at));
}

void SetLimits(const Plan& plan) {
  for (uint32_t i = 0; i < plan.head->limits; ++i) {
    const uint64_t values[2] = {plan.limits[i].soft, plan.limits[i].hard};
    Must(ExecReport::kLimits, Call(__NR_prlimit64, 0, plan.limits[i].resource, &values[0], nullptr));
  }
}

// What needs the rights and the files of the host.
void Prepare(const Plan& plan) {
  Must(ExecReport::kPlan, Call(__NR_prctl, PR_SET_DUMPABLE, 0L, 0L, 0L, 0L));
  SetOomScore(plan.head->oom_score_adj);
  SetLimits(plan);
}

// The shim's files are opened before, so that a container's file system has no say in where they lead. To write "0" is
// to move the writer, and a single thread moves without the lock that would make it wait for a grace period.
void JoinCgroups() {
  for (int fd = shim::kExecCgroupFd;; ++fd) {
    const long result = Call(__NR_write, fd, "0", 1);
    if (result == -EBADF) return;
    Must(ExecReport::kCgroup, result);
    Call(__NR_close, fd);
  }
}

// There should be none: what is left open would be a way out of the container (CVE-2024-21626).
void CloseTheRest() {
  Call(__NR_close_range, shim::kExecInitFd, ~0U, 0);
}

void JoinKeyring(const char* name) {
  if (name[0] == '\0') return;
  const long result = Call(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0L, 0L, 0L);
  if (result < 0 && result != -ENOSYS) Fail(ExecReport::kKeyring, result);
}

void LoadFilter(const Plan& plan) {
  if (!plan.Has(ExecPlan::kSeccomp)) return;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(plan.head->instructions);
  program.filter = plan.filter;
  Must(ExecReport::kSeccomp, Call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, plan.head->seccomp_flags, &program));
}

[[noreturn]] void BecomeCommand(const Plan& plan) {
  if (!Tell(ExecReport::kStarted)) End(255);
  JoinCgroups();
  CloseTheRest();
  Must(ExecReport::kSession, Call(__NR_setsid));
  BecomeRoot();
  JoinKeyring(plan.keyring);
  if (plan.Has(ExecPlan::kTerminal)) TakeTerminal();
  const bool no_new_privileges = plan.Has(ExecPlan::kNoNewPrivileges);
  if (no_new_privileges) Must(ExecReport::kNoNewPrivileges, Call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
  if (!Tell(ExecReport::kReady)) End(255);
  if (!no_new_privileges) LoadFilter(plan);
  TakeIdentity(plan);
  const char* const program = FindProgram(plan);
  if (no_new_privileges) LoadFilter(plan);
  Execute(plan, program);
}

}  // namespace

[[noreturn]] void Main();

void Main() {
  Plan plan;
  Must(ExecReport::kPlan, Call(__NR_fcntl, shim::kExecReportFd, F_SETFD, 1 /* FD_CLOEXEC */));
  if (const int error = ReadPlan(shim::kExecPlanFd, &plan); error != 0) Fail(ExecReport::kPlan, -error);
  Call(__NR_close, shim::kExecPlanFd);
  Prepare(plan);
  Must(ExecReport::kNamespaces, Call(__NR_setns, shim::kExecInitFd, plan.head->namespaces));
  Call(__NR_close, shim::kExecInitFd);
  if (Must(ExecReport::kFork, Call(__NR_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, 0L)) == 0) {
    BecomeCommand(plan);
  }
  End(0);
}

}  // namespace crisp::exec_helper
