// DirStream: reads the entries of a directory one by one (readdir(3)). No Abseil, no exceptions: the shim uses it too.
// ListDir in os/file.h gives all names at once.
//
// Ownership: owns the directory's descriptor. Threading: one thread at a time.
// Errors: errno values, kept until the object is destroyed.
#pragma once

#include <dirent.h>

#include <memory>

#include "os/fd.h"

namespace crisp {

class DirStream {
 public:
  // Reads from the descriptor's current position, which duplicates share: open the directory anew to read it again. An
  // invalid descriptor, or one of something else than a directory, gives an empty stream with an error.
  explicit DirStream(Fd dir);

  // The next entry other than "." and ".."; null at the end and after an error. Valid until the next call.
  const dirent* Next();

  // 0 as long as nothing failed.
  int error() const { return error_; }
  // The directory, for openat(2) and the like; -1 if the stream could not be opened.
  int fd() const { return stream_ != nullptr ? dirfd(stream_.get()) : -1; }

 private:
  struct Close {
    void operator()(DIR* stream) const { closedir(stream); }
  };
  std::unique_ptr<DIR, Close> stream_;
  int error_ = 0;
};

}  // namespace crisp
