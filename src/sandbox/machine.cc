#include "sandbox/machine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/capability.h>
#include <sys/vfs.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "os/file.h"

namespace crisp {
namespace {

std::string ReadLine(const std::string& path) {
  const auto text = ReadFileAt(AT_FDCWD, path, 4096);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

std::vector<std::string> BoundingSet() {
  std::vector<std::string> names;
  for (cap_value_t capability = 0; cap_get_bound(capability) >= 0; ++capability) {
    if (cap_get_bound(capability) == 0) continue;
    if (char* name = cap_to_name(capability)) {
      names.push_back(absl::AsciiStrToUpper(name));
      cap_free(name);
    }
  }
  return names;
}

bool MayLowerOomScore() {
  cap_t own = cap_get_proc();
  cap_flag_value_t set = CAP_CLEAR;
  cap_get_flag(own, CAP_SYS_RESOURCE, CAP_EFFECTIVE, &set);
  cap_free(own);
  return set == CAP_SET;
}

int OomScoreAdjFloor(bool restrict_oom_score_adj) {
  const bool may_lower = MayLowerOomScore();
  if (may_lower && !restrict_oom_score_adj) return -1000;
  int own = 0;
  if (!absl::SimpleAtoi(ReadLine("/proc/self/oom_score_adj"), &own)) own = 0;
  if (!may_lower && !restrict_oom_score_adj) {
    LogWarning("without CAP_SYS_RESOURCE no container gets a lower oom_score_adj than this daemon has",
               {{"oom_score_adj", own}});
  }
  return own;
}

}  // namespace

Machine LookAtMachine(bool restrict_oom_score_adj) {
  Machine machine;
  machine.capabilities = BoundingSet();
  struct statfs info {};
  machine.cgroup_v2 = statfs("/sys/fs/cgroup", &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
  machine.oom_score_adj_floor = OomScoreAdjFloor(restrict_oom_score_adj);
  machine.boot_id = ReadLine("/proc/sys/kernel/random/boot_id");
  return machine;
}

}  // namespace crisp
