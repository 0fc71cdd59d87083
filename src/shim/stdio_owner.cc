#include "shim/stdio_owner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace crisp::shim {

int GivePipes(const int (&stdio)[3], const StdioOwner& owner) {
  for (const int fd : stdio) {
    struct stat info {};
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) continue;
    if (info.st_uid == owner.uid && info.st_gid == owner.gid) continue;
    if (fchown(fd, owner.uid, owner.gid) != 0) return errno;
  }
  return 0;
}

}  // namespace crisp::shim
