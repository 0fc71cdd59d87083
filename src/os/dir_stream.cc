#include "os/dir_stream.h"

#include <cerrno>
#include <string_view>

namespace crisp {

DirStream::DirStream(Fd dir) : stream_(fdopendir(dir.get())) {
  if (stream_ != nullptr) {
    dir.release();
  } else {
    error_ = errno;
  }
}

const dirent* DirStream::Next() {
  if (error_ != 0) return nullptr;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(stream_.get());
    if (entry == nullptr) error_ = errno;
    const std::string_view name = entry != nullptr ? entry->d_name : "";
    if (name != "." && name != "..") return entry;
  }
}

}  // namespace crisp
