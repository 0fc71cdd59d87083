// CapturedLog: what is written to stderr during its life, for tests of log lines. The options of the log are those
// given, and the defaults afterwards. One at a time, in one thread.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/log.h"

namespace crisp {

class CapturedLog {
 public:
  explicit CapturedLog(const LogOptions& options = {})
      : stderr_(dup(STDERR_FILENO)), file_(memfd_create("log", MFD_CLOEXEC)) {
    dup2(file_, STDERR_FILENO);
    SetLogOptions(options);
  }
  ~CapturedLog() {
    SetLogOptions({});
    dup2(stderr_, STDERR_FILENO);
    close(stderr_);
    close(file_);
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string Text() const {
    std::string text;
    std::array<char, 4096> block{};
    ssize_t length = 0;
    while ((length = pread(file_, block.data(), block.size(), static_cast<off_t>(text.size()))) > 0) {
      text.append(block.data(), static_cast<size_t>(length));
    }
    return text;
  }

 private:
  const int stderr_;
  const int file_;
};

}  // namespace crisp
