// WriteFully: write(2) until all is written.
#pragma once

#include <unistd.h>

#include <cerrno>

#include "absl/strings/string_view.h"

namespace crisp {

// False, with errno, if the descriptor does not take it all. Async-signal-safe.
inline bool WriteFully(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace crisp
