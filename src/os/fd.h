// Fd: owns a file descriptor and closes it. No Abseil, no exceptions: the shim uses it too.
#pragma once

#include <unistd.h>

#include <utility>

namespace crisp {

class Fd {
 public:
  Fd() = default;
  // Takes ownership of `fd`; a negative one means none.
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

  // Closes the descriptor and takes ownership of `fd`. close(2) is not retried after EINTR, because on Linux the
  // descriptor is closed all the same.
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace crisp
