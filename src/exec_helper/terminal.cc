#include "exec_helper/terminal.h"

#include <asm/ioctls.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/major.h>

#include "exec_helper/report.h"
#include "exec_helper/syscalls.h"

namespace crisp::exec_helper {
namespace {

constexpr char kMultiplexer[] = "/dev/pts/ptmx";
constexpr uint64_t kMultiplexerMinor = 2;  // Documentation/admin-guide/devices.txt
constexpr long kReadWrite = 2;             // O_RDWR
constexpr unsigned kTypeMask = 0170000;    // S_IFMT
constexpr unsigned kCharacterDevice = 0020000;

// The container can put anything at that path: only the multiplexer of a devpts is opened, and no link is followed
// (CVE-2025-52565).
bool IsMultiplexer(long fd) {
  struct stat info {};
  struct statfs system {};
  return Call(__NR_fstat, fd, &info) == 0 && Call(__NR_fstatfs, fd, &system) == 0 &&
         system.f_type == DEVPTS_SUPER_MAGIC && (info.st_mode & kTypeMask) == kCharacterDevice &&
         info.st_rdev == (TTYAUX_MAJOR << 8 | kMultiplexerMinor);
}

long OpenMultiplexer() {
  const long place = Call(__NR_openat, AT_FDCWD, kMultiplexer, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (place < 0) return place;
  const bool good = IsMultiplexer(place);
  Call(__NR_close, place);
  if (!good) return -ENODEV;
  // It may have been exchanged meanwhile, for a file that waits to be opened: O_NONBLOCK, which the master keeps.
  const long master =
      Call(__NR_openat, AT_FDCWD, kMultiplexer, kReadWrite | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
  return master < 0 || IsMultiplexer(master) ? master : -ENODEV;
}

}  // namespace

void TakeTerminal() {
  constexpr auto kStep = ExecReport::kTerminalStep;
  const int master = static_cast<int>(Must(kStep, OpenMultiplexer()));
  int locked = 0;
  Must(kStep, Call(__NR_ioctl, master, TIOCSPTLCK, &locked));
  // Not by its path, which the container can cover. The flags can be seen by fcntl(2): those of a C library's open(2).
  const long terminal = Must(kStep, Call(__NR_ioctl, master, TIOCGPTPEER, kReadWrite | O_NOCTTY | O_LARGEFILE));
  if (!TellTerminal(master)) End(255);
  Call(__NR_close, master);
  for (int fd = 0; fd < 3; ++fd) Must(kStep, Call(__NR_dup3, terminal, fd, 0));
  Call(__NR_close, terminal);
  Must(kStep, Call(__NR_ioctl, 0, TIOCSCTTY, 0));
}

}  // namespace crisp::exec_helper
