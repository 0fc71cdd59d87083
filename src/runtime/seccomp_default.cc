#include "runtime/seccomp_default.h"

#include <linux/capability.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace crisp {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

// By what they are about. A call that a kernel or a libseccomp does not know does no harm: the OCI runtime passes it
// over. A new call that is not here fails with ENOSYS or EPERM, and programs fall back.

const Names kFiles = {"access",
                      "cachestat",
                      "chdir",
                      "chmod",
                      "chown",
                      "chown32",
                      "close",
                      "close_range",
                      "copy_file_range",
                      "creat",
                      "dup",
                      "dup2",
                      "dup3",
                      "faccessat",
                      "faccessat2",
                      "fadvise64",
                      "fadvise64_64",
                      "fallocate",
                      "fchdir",
                      "fchmod",
                      "fchmodat",
                      "fchmodat2",
                      "fchown",
                      "fchown32",
                      "fchownat",
                      "fcntl",
                      "fcntl64",
                      "fdatasync",
                      "fgetxattr",
                      "flistxattr",
                      "flock",
                      "fremovexattr",
                      "fsetxattr",
                      "fstat",
                      "fstat64",
                      "fstatat64",
                      "fstatfs",
                      "fstatfs64",
                      "fsync",
                      "ftruncate",
                      "ftruncate64",
                      "futimesat",
                      "getcwd",
                      "getdents",
                      "getdents64",
                      "getxattr",
                      "getxattrat",
                      "ioctl",
                      "lchown",
                      "lchown32",
                      "lgetxattr",
                      "link",
                      "linkat",
                      "listmount",
                      "listxattr",
                      "listxattrat",
                      "llistxattr",
                      "_llseek",
                      "lremovexattr",
                      "lseek",
                      "lsetxattr",
                      "lstat",
                      "lstat64",
                      "mkdir",
                      "mkdirat",
                      "mknod",
                      "mknodat",
                      "name_to_handle_at",
                      "newfstatat",
                      "open",
                      "openat",
                      "openat2",
                      "pread64",
                      "preadv",
                      "preadv2",
                      "pwrite64",
                      "pwritev",
                      "pwritev2",
                      "read",
                      "readahead",
                      "readlink",
                      "readlinkat",
                      "readv",
                      "removexattr",
                      "removexattrat",
                      "rename",
                      "renameat",
                      "renameat2",
                      "rmdir",
                      "sendfile",
                      "sendfile64",
                      "setxattr",
                      "setxattrat",
                      "splice",
                      "stat",
                      "stat64",
                      "statfs",
                      "statfs64",
                      "statmount",
                      "statx",
                      "symlink",
                      "symlinkat",
                      "sync",
                      "sync_file_range",
                      "syncfs",
                      "tee",
                      "truncate",
                      "truncate64",
                      "umask",
                      "unlink",
                      "unlinkat",
                      "utime",
                      "utimensat",
                      "utimensat_time64",
                      "utimes",
                      "vmsplice",
                      "write",
                      "writev"};

const Names kWaiting = {"epoll_create",
                        "epoll_create1",
                        "epoll_ctl",
                        "epoll_ctl_old",
                        "epoll_pwait",
                        "epoll_pwait2",
                        "epoll_wait",
                        "epoll_wait_old",
                        "eventfd",
                        "eventfd2",
                        "fanotify_mark",
                        "inotify_add_watch",
                        "inotify_init",
                        "inotify_init1",
                        "inotify_rm_watch",
                        "io_cancel",
                        "io_destroy",
                        "io_getevents",
                        "io_pgetevents",
                        "io_pgetevents_time64",
                        "io_setup",
                        "io_submit",
                        "_newselect",
                        "pipe",
                        "pipe2",
                        "poll",
                        "ppoll",
                        "ppoll_time64",
                        "pselect6",
                        "pselect6_time64",
                        "select",
                        "signalfd",
                        "signalfd4",
                        "timerfd_create",
                        "timerfd_gettime",
                        "timerfd_gettime64",
                        "timerfd_settime",
                        "timerfd_settime64"};

const Names kMemory = {"brk",
                       "madvise",
                       "map_shadow_stack",
                       "membarrier",
                       "memfd_create",
                       "memfd_secret",
                       "mincore",
                       "mlock",
                       "mlock2",
                       "mlockall",
                       "mmap",
                       "mmap2",
                       "mprotect",
                       "mremap",
                       "mseal",
                       "msync",
                       "munlock",
                       "munlockall",
                       "munmap",
                       "pkey_alloc",
                       "pkey_free",
                       "pkey_mprotect",
                       "process_mrelease",
                       "remap_file_pages"};

const Names kProcesses = {"alarm",
                          "capget",
                          "capset",
                          "execve",
                          "execveat",
                          "exit",
                          "exit_group",
                          "fork",
                          "getcpu",
                          "getegid",
                          "getegid32",
                          "geteuid",
                          "geteuid32",
                          "getgid",
                          "getgid32",
                          "getgroups",
                          "getgroups32",
                          "getitimer",
                          "getpgid",
                          "getpgrp",
                          "getpid",
                          "getppid",
                          "getpriority",
                          "getrandom",
                          "getresgid",
                          "getresgid32",
                          "getresuid",
                          "getresuid32",
                          "getrlimit",
                          "get_robust_list",
                          "getrusage",
                          "getsid",
                          "get_thread_area",
                          "gettid",
                          "getuid",
                          "getuid32",
                          "ioprio_get",
                          "ioprio_set",
                          "kill",
                          "landlock_add_rule",
                          "landlock_create_ruleset",
                          "landlock_restrict_self",
                          "lsm_get_self_attr",
                          "lsm_list_modules",
                          "lsm_set_self_attr",
                          "pause",
                          "pidfd_open",
                          "pidfd_send_signal",
                          "prctl",
                          "prlimit64",
                          "ptrace",
                          "process_vm_readv",
                          "process_vm_writev",
                          "restart_syscall",
                          "rseq",
                          "rt_sigaction",
                          "rt_sigpending",
                          "rt_sigprocmask",
                          "rt_sigqueueinfo",
                          "rt_sigreturn",
                          "rt_sigsuspend",
                          "rt_sigtimedwait",
                          "rt_sigtimedwait_time64",
                          "rt_tgsigqueueinfo",
                          "sched_getaffinity",
                          "sched_getattr",
                          "sched_getparam",
                          "sched_get_priority_max",
                          "sched_get_priority_min",
                          "sched_getscheduler",
                          "sched_rr_get_interval",
                          "sched_rr_get_interval_time64",
                          "sched_setaffinity",
                          "sched_setattr",
                          "sched_setparam",
                          "sched_setscheduler",
                          "sched_yield",
                          "seccomp",
                          "setfsgid",
                          "setfsgid32",
                          "setfsuid",
                          "setfsuid32",
                          "setgid",
                          "setgid32",
                          "setgroups",
                          "setgroups32",
                          "setitimer",
                          "setpgid",
                          "setpriority",
                          "setregid",
                          "setregid32",
                          "setresgid",
                          "setresgid32",
                          "setresuid",
                          "setresuid32",
                          "setreuid",
                          "setreuid32",
                          "setrlimit",
                          "set_robust_list",
                          "setsid",
                          "set_thread_area",
                          "set_tid_address",
                          "setuid",
                          "setuid32",
                          "sigaltstack",
                          "signal",
                          "sigaction",
                          "sigpending",
                          "sigprocmask",
                          "sigreturn",
                          "sigsuspend",
                          "tgkill",
                          "time",
                          "times",
                          "tkill",
                          "ugetrlimit",
                          "vfork",
                          "wait4",
                          "waitid",
                          "waitpid"};

const Names kClocksAndLocks = {"adjtimex",        "clock_adjtime",       "clock_adjtime64",
                               "clock_getres",    "clock_getres_time64", "clock_gettime",
                               "clock_gettime64", "clock_nanosleep",     "clock_nanosleep_time64",
                               "futex",           "futex_requeue",       "futex_time64",
                               "futex_wait",      "futex_waitv",         "futex_wake",
                               "gettimeofday",    "nanosleep",           "timer_create",
                               "timer_delete",    "timer_getoverrun",    "timer_gettime",
                               "timer_gettime64", "timer_settime",       "timer_settime64"};

// Without "socket", which depends on its family. "socketcall" is how 32-bit programs of glibc before 2.37 make every
// socket. A filter cannot see its arguments, which are in memory, so it opens AF_ALG and AF_VSOCK too to a program that
// makes 32-bit system calls. A node that must not have that uses a profile of its own (type Localhost).
const Names kNetwork = {"accept",     "accept4",    "bind",      "connect",  "getpeername", "getsockname",
                        "getsockopt", "listen",     "recv",      "recvfrom", "recvmmsg",    "recvmmsg_time64",
                        "recvmsg",    "send",       "sendmmsg",  "sendmsg",  "sendto",      "setsockopt",
                        "shutdown",   "socketcall", "socketpair"};

const Names kIpcAndSystem = {"ipc",
                             "mq_getsetattr",
                             "mq_notify",
                             "mq_open",
                             "mq_timedreceive",
                             "mq_timedreceive_time64",
                             "mq_timedsend",
                             "mq_timedsend_time64",
                             "mq_unlink",
                             "msgctl",
                             "msgget",
                             "msgrcv",
                             "msgsnd",
                             "semctl",
                             "semget",
                             "semop",
                             "semtimedop",
                             "semtimedop_time64",
                             "shmat",
                             "shmctl",
                             "shmdt",
                             "shmget",
                             "sysinfo",
                             "uname",
                             "uretprobe"};

struct Grant {
  int capability;
  Names names;
};

// What a capability opens. Without it the kernel would refuse most of these too, but its code for them would be there
// to be attacked.
const std::vector<Grant> kByCapability = {
    {CAP_DAC_READ_SEARCH, {"open_by_handle_at"}},
    {CAP_SYS_ADMIN, {"bpf",       "clone",           "clone3",         "fanotify_init", "fsconfig",      "fsmount",
                     "fsopen",    "fspick",          "lookup_dcookie", "mount",         "mount_setattr", "move_mount",
                     "open_tree", "perf_event_open", "quotactl",       "quotactl_fd",   "setdomainname", "sethostname",
                     "setns",     "syslog",          "umount",         "umount2",       "unshare"}},
    {CAP_SYS_BOOT, {"reboot"}},
    {CAP_SYS_CHROOT, {"chroot"}},
    {CAP_SYS_MODULE, {"delete_module", "init_module", "finit_module"}},
    {CAP_SYS_PACCT, {"acct"}},
    {CAP_SYS_PTRACE, {"kcmp", "pidfd_getfd", "process_madvise"}},
    {CAP_SYS_RAWIO, {"iopl", "ioperm"}},
    {CAP_SYS_TIME, {"settimeofday", "stime", "clock_settime", "clock_settime64"}},
    {CAP_SYS_TTY_CONFIG, {"vhangup"}},
    {CAP_SYS_NICE, {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"}},
    {CAP_SYSLOG, {"syslog"}},
    {CAP_BPF, {"bpf"}},
    {CAP_PERFMON, {"perf_event_open"}},
};

struct Architecture {
  const char* machine;  // uname(2)
  const char* go;
  Names seccomp;
  Names own_calls;
};

const std::vector<Architecture> kArchitectures = {
    {"x86_64", "amd64", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}, {"arch_prctl", "modify_ldt"}},
    {"i686", "386", {"SCMP_ARCH_X86"}, {"modify_ldt"}},
    {"aarch64",
     "arm64",
     {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"},
     {"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "sync_file_range2"}},
    {"armv7l",
     "arm",
     {"SCMP_ARCH_ARM"},
     {"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "sync_file_range2"}},
    {"ppc64le", "ppc64le", {"SCMP_ARCH_PPC64LE"}, {"swapcontext", "sync_file_range2"}},
    {"riscv64", "riscv64", {"SCMP_ARCH_RISCV64"}, {"riscv_flush_icache", "riscv_hwprobe"}},
    {"s390x",
     "s390x",
     {"SCMP_ARCH_S390X", "SCMP_ARCH_S390"},
     {"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"}},
};

const Architecture* Find(absl::string_view machine) {
  const auto found = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                  [&](const Architecture& one) { return machine == one.machine; });
  return found == kArchitectures.end() ? nullptr : &*found;
}

// personality(2): PER_LINUX, PER_LINUX32, each with and without UNAME26, and "tell me".
constexpr uint64_t kPersonalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
// CLONE_NEW* of clone(2), but CLONE_NEWTIME, which shares its bit with the exit signal.
constexpr uint64_t kNewNamespaces = 0x7e020000;
// socket(2): AF_ALG is the kernel's cryptography, full of code that nobody needs there; AF_VSOCK leads to the
// hypervisor, past the pod's network. They stay open by socketcall(2) (kNetwork).
constexpr uint64_t kAlg = 38;
constexpr uint64_t kVsock = 40;

json Allow(const Names& names) {
  return {{"names", names}, {"action", "SCMP_ACT_ALLOW"}};
}

json AllowIf(const char* name, unsigned index, const char* op, uint64_t value, uint64_t value_two = 0) {
  json rule = Allow({name});
  rule["args"] = json::array({{{"index", index}, {"value", value}, {"valueTwo", value_two}, {"op", op}}});
  return rule;
}

json Fail(const char* name, int error) {
  return {{"names", {name}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", error}};
}

void AddUnconditional(const Architecture* architecture, json* rules) {
  Names all;
  for (const Names* names : {&kFiles, &kWaiting, &kMemory, &kProcesses, &kClocksAndLocks, &kNetwork, &kIpcAndSystem}) {
    all.insert(all.end(), names->begin(), names->end());
  }
  if (architecture != nullptr) {
    all.insert(all.end(), architecture->own_calls.begin(), architecture->own_calls.end());
  }
  rules->push_back(Allow(all));
}

void AddByArgument(json* rules) {
  for (const uint64_t value : kPersonalities) rules->push_back(AllowIf("personality", 0, "SCMP_CMP_EQ", value));
  // Two conditions on one argument cannot be in one rule: everything below, between and above the two families.
  rules->push_back(AllowIf("socket", 0, "SCMP_CMP_LT", kAlg));
  rules->push_back(AllowIf("socket", 0, "SCMP_CMP_EQ", kAlg + 1));
  rules->push_back(AllowIf("socket", 0, "SCMP_CMP_GT", kVsock));
}

void AddByCapability(uint64_t capabilities, absl::string_view machine, json* rules) {
  for (const Grant& grant : kByCapability) {
    if ((capabilities >> grant.capability & 1) != 0) rules->push_back(Allow(grant.names));
  }
  if ((capabilities >> CAP_SYS_ADMIN & 1) != 0) return;
  // The flags are the second argument on s390. clone3(2) has them behind a pointer, so that it must not be there at
  // all: the C library then takes clone(2).
  const unsigned flags = machine == "s390x" ? 1 : 0;
  rules->push_back(AllowIf("clone", flags, "SCMP_CMP_MASKED_EQ", kNewNamespaces, 0));
  rules->push_back(Fail("clone3", ENOSYS));
}

}  // namespace

json DefaultSeccomp(uint64_t capabilities, absl::string_view architecture) {
  json rules = json::array();
  AddUnconditional(Find(architecture), &rules);
  AddByArgument(&rules);
  AddByCapability(capabilities, architecture, &rules);
  json profile = {{"defaultAction", "SCMP_ACT_ERRNO"}, {"defaultErrnoRet", EPERM}, {"syscalls", std::move(rules)}};
  const Names architectures = SeccompArchitectures(architecture);
  if (!architectures.empty()) profile["architectures"] = architectures;
  return profile;
}

std::vector<std::string> DefaultSeccompNames() {
  Names all = {"personality", "socket", "clone", "clone3"};
  for (const Names* names : {&kFiles, &kWaiting, &kMemory, &kProcesses, &kClocksAndLocks, &kNetwork, &kIpcAndSystem}) {
    all.insert(all.end(), names->begin(), names->end());
  }
  for (const Grant& grant : kByCapability) all.insert(all.end(), grant.names.begin(), grant.names.end());
  for (const Architecture& one : kArchitectures) all.insert(all.end(), one.own_calls.begin(), one.own_calls.end());
  return all;
}

std::vector<std::string> SeccompArchitectures(absl::string_view architecture) {
  const Architecture* found = Find(architecture);
  return found == nullptr ? Names() : found->seccomp;
}

std::string GoArchitecture(absl::string_view architecture) {
  const Architecture* found = Find(architecture);
  return found == nullptr ? "" : found->go;
}

}  // namespace crisp
