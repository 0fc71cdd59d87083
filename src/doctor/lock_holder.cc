#include "doctor/lock_holder.h"

#include <sys/stat.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace crisp {

// "4: FLOCK  ADVISORY  WRITE 1234 fe:01:5242 0 EOF" (proc_locks(5)). The device of some file systems is another one
// than stat(2) tells, so the inode has to do.
pid_t LockHolder(const HostTree& tree, const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return 0;
  const std::string inode = absl::StrCat(":", info.st_ino);
  for (absl::string_view line : absl::StrSplit(tree.Read("/proc/locks").value_or(""), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    // A process that waits for the lock has "->" as its second word.
    if (words.size() < 6 || words[1] != "FLOCK" || !absl::EndsWith(words[5], inode)) continue;
    pid_t pid = 0;
    return absl::SimpleAtoi(words[4], &pid) && pid > 0 ? pid : -1;
  }
  return 0;
}

}  // namespace crisp
