#include "stats/layer_disk.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <utility>

#include "base/clock.h"
#include "stats/device_name.h"

namespace crisp {

LayerFileSystem FileSystemOf(const std::string& directory) {
  LayerFileSystem result;
  struct stat info {};
  if (stat(directory.c_str(), &info) == 0) result.device = DeviceName(major(info.st_dev), minor(info.st_dev));
  struct statvfs size {};
  if (statvfs(directory.c_str(), &size) == 0) {
    result.bytes = size.f_blocks * size.f_frsize;
    result.inodes = size.f_files;
    result.free_inodes = size.f_ffree;
  }
  return result;
}

LayerFileSystem LayerDisk::Read() {
  run_.RunUntil(MonoClock::now() + patience_, [this] {
    LayerFileSystem told = ask_();
    const MutexLock lock(mutex_);
    last_ = std::move(told);
  });
  const MutexLock lock(mutex_);
  return last_;
}

}  // namespace crisp
