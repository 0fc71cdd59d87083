#include "exec_helper/identity.h"

#include <asm/stat.h>
#include <linux/errno.h>
#include <linux/prctl.h>

#include "exec_helper/capabilities.h"
#include "exec_helper/report.h"
#include "exec_helper/syscalls.h"

namespace crisp::exec_helper {
namespace {

constexpr size_t kPathMax = 4096;

// Its owner alone, as the OCI runtime does it: a terminal's group is that of its mount. Errors mean that the owner is
// not of this user namespace, or the file system cannot be written; the process then does without.
void GiveStdio(uint32_t uid) {
  struct stat null {};
  Must(ExecReport::kStdio, Call(__NR_newfstatat, /*AT_FDCWD*/ -100, "/dev/null", &null, 0));
  for (int fd = 0; fd < 3; ++fd) {
    struct stat info {};
    Must(ExecReport::kStdio, Call(__NR_fstat, fd, &info));
    if (info.st_uid == uid || info.st_rdev == null.st_rdev) continue;
    const long result = Call(__NR_fchown, fd, uid, info.st_gid);
    if (result < 0 && result != -EINVAL && result != -EPERM && result != -EROFS) Fail(ExecReport::kStdio, result);
  }
}

// The kernel marks a directory that cannot be reached from the root, such as one of the host that a descriptor leads
// to (CVE-2024-21626).
void CheckDirectory() {
  char path[kPathMax];
  Must(ExecReport::kDirectoryOutside, Call(__NR_getcwd, path, sizeof(path)));
  if (path[0] != '/') Fail(ExecReport::kDirectoryOutside, -ENOENT);
}

}  // namespace

void BecomeRoot() {
  Must(ExecReport::kUser, Call(__NR_setresuid, 0, 0, 0));
  Must(ExecReport::kUser, Call(__NR_setresgid, 0, 0, 0));
  Must(ExecReport::kUser, Call(__NR_setgroups, 0, nullptr));
}

void TakeIdentity(const Plan& plan) {
  // A directory that only root may enter is entered as root, one that only the user may enter as that.
  const long entered = Call(__NR_chdir, plan.directory);
  if (entered < 0 && entered != -EACCES && entered != -EPERM)
    Fail(ExecReport::kWorkingDirectory, entered, plan.directory);
  LimitCapabilities(plan.head->bounding);
  Must(ExecReport::kUser, Call(__NR_prctl, PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L));
  GiveStdio(plan.head->uid);
  Must(ExecReport::kUser, Call(__NR_setgroups, plan.head->groups, plan.groups));
  // All three ids. Not setresuid(2): to that -1, which is no id, says that nothing is to change.
  Must(ExecReport::kUser, Call(__NR_setgid, plan.head->gid));
  Must(ExecReport::kUser, Call(__NR_setuid, plan.head->uid));
  if (entered < 0) {
    const long again = Call(__NR_chdir, plan.directory);
    if (again < 0) Fail(ExecReport::kWorkingDirectory, again, plan.directory);
  }
  CheckDirectory();
  Must(ExecReport::kUser, Call(__NR_prctl, PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L));
  SetCapabilities(*plan.head);
}

}  // namespace crisp::exec_helper
