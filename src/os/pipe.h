// Pipes between this program and another, usually one that it is about to start. No Abseil, no exceptions: the shim
// uses it too.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/fd.h"

namespace crisp {

enum class PipeEnd { kRead, kWrite };

// Makes a pipe: `ours` is the end that `which` names, `theirs` the other. Both are close-on-exec. Only `ours` is
// non-blocking, because programs expect stdio that blocks. 0 or an errno value; after an error both are unchanged.
inline int MakePipe(PipeEnd which, Fd* ours, Fd* theirs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  Fd own(ends[which == PipeEnd::kRead ? 0 : 1]);
  Fd other(ends[which == PipeEnd::kRead ? 1 : 0]);
  if (fcntl(own.get(), F_SETFL, O_NONBLOCK) != 0) return errno;
  *ours = std::move(own);
  *theirs = std::move(other);
  return 0;
}

}  // namespace crisp
