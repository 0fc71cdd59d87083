#include "shim/exec_helper_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

#ifdef CRISP_EXEC_HELPER
asm(".section .rodata.exec_helper, \"a\"\n"
    ".balign 16\n"
    "crisp_exec_helper_begin:\n"
    ".incbin \"" CRISP_EXEC_HELPER
    "\"\n"
    "crisp_exec_helper_end:\n"
    ".previous\n");
extern "C" const char crisp_exec_helper_begin[];
extern "C" const char crisp_exec_helper_end[];
#endif

namespace crisp::shim {
namespace {

#ifdef CRISP_EXEC_HELPER
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // since Linux 6.3
#endif

// Older kernels know no MFD_EXEC; newer ones warn, or refuse, where it is not said.
int MakeFile() {
  const int fd = memfd_create("crisp-exec-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd >= 0 || errno != EINVAL) return fd;
  return memfd_create("crisp-exec-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool Fill(int fd) {
  const char* at = crisp_exec_helper_begin;
  while (at < crisp_exec_helper_end) {
    const ssize_t n = write(fd, at, static_cast<size_t>(crisp_exec_helper_end - at));
    if (n <= 0) return false;
    at += n;
  }
  return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
}
#endif

}  // namespace

// It is opened again for reading only: a file that is open for writing cannot be executed.
int ExecHelper::file() {
#ifdef CRISP_EXEC_HELPER
  if (file_.valid()) return file_.get();
  const Fd made(MakeFile());
  if (!made.valid() || !Fill(made.get())) return -1;
  const std::string path = "/proc/self/fd/" + std::to_string(made.get());
  file_.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file_.get();
#else
  errno = ENOSYS;
  return -1;
#endif
}

}  // namespace crisp::shim
