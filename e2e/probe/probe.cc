// What a container may ask of the kernel: prints a line "name errno" for each of some system calls that a confined
// container must not have, 0 where the call worked. Static, to be mounted into any container. Each call is one that
// does nothing even where it is allowed, or is in a child.
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

void Report(const char* name, long result) {
  std::printf("%s %d\n", name, result < 0 ? errno : 0);
}

void Socket(const char* name, int family, int type) {
  Report(name, socket(family, type, 0));
}

// Reports the errno that `call` leaves in a child, 0 if it works.
template <typename Function>
void InChild(const char* name, Function call) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) _exit(call() < 0 ? errno : 0);
  int status = 0;
  waitpid(child, &status, 0);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : ENOSYS;  // a kernel without 32-bit calls kills who tries one
  Report(name, errno == 0 ? 0 : -1);
}

#ifdef __x86_64__
// socketcall(SYS_SOCKET, {family, type, 0}) of the 32-bit system calls, which has its arguments in memory.
int OldSocketCall(unsigned family, unsigned type) {
  void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  const unsigned arguments[3] = {family, type, 0};
  std::memcpy(low, arguments, sizeof(arguments));
  long result = 102;
  asm volatile("int $0x80" : "+a"(result) : "b"(1L), "c"(low) : "memory", "r8", "r9", "r10", "r11");
  const int code = static_cast<int>(result);
  if (code < 0) errno = -code;
  return code;
}
#endif

}  // namespace

int main() {
  Socket("alg", AF_ALG, SOCK_SEQPACKET);
  Socket("vsock", AF_VSOCK, SOCK_STREAM);
  Socket("inet", AF_INET, SOCK_STREAM);
  Socket("unix", AF_UNIX, SOCK_STREAM);
  io_uring_params parameters{};
  Report("io_uring", syscall(SYS_io_uring_setup, 1, &parameters));
  Report("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  Report("personality", personality(0xffffffff));
  Report("personality-odd", personality(0x0400000 | 0x100));
  Report("clone3", syscall(SYS_clone3, nullptr, 0));
  InChild("unshare-user", [] { return unshare(CLONE_NEWUSER); });
  InChild("lsm-list", [] {
    unsigned long long ids[64];
    unsigned size = sizeof(ids);
    constexpr long kListModules = 461;  // lsm_list_modules(2), Linux 6.8
    return static_cast<int>(syscall(kListModules, ids, &size, 0));
  });
#ifdef __x86_64__
  InChild("socketcall-inet", [] { return OldSocketCall(AF_INET, SOCK_STREAM); });
  InChild("socketcall-alg", [] { return OldSocketCall(AF_ALG, SOCK_SEQPACKET); });
#else
  std::printf("socketcall-inet %d\nsocketcall-alg %d\n", ENOSYS, ENOSYS);
#endif
  return 0;
}
