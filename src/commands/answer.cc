#include "commands/answer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace crisp {

int Print(const Answer& answer) {
  fputs(answer.err.c_str(), stderr);
  const bool written = fputs(answer.out.c_str(), stdout) >= 0 && fflush(stdout) == 0;
  if (written) return answer.status;
  fprintf(stderr, "crispd: write to stdout: %s\n", strerror(errno));
  return kExitBad;
}

}  // namespace crisp
