// LayerDisk: the file system of the writable layers, as metrics tell it.
//
// statvfs(2) of a file system that hangs does not return, and then metrics are wanted most. So it is asked on a thread,
// and whoever it keeps waiting gets what it told last.
//
// Thread-safe. Nothing runs while nobody asks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/mutex.h"
#include "base/single_run.h"

namespace crisp {

// Zeros where the kernel does not tell.
struct LayerFileSystem {
  std::string device;
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  uint64_t free_inodes = 0;
};

// Of the file system that `directory` is on. Waits for it.
LayerFileSystem FileSystemOf(const std::string& directory);

class LayerDisk {
 public:
  using Ask = std::function<LayerFileSystem()>;

  static constexpr std::chrono::milliseconds kPatience{200};

  explicit LayerDisk(const std::string& directory)
      : LayerDisk([directory] { return FileSystemOf(directory); }, kPatience) {}
  LayerDisk(Ask ask, std::chrono::milliseconds patience) : ask_(std::move(ask)), patience_(patience) {}

  LayerFileSystem Read();

 private:
  const Ask ask_;
  const std::chrono::milliseconds patience_;
  Mutex mutex_;
  LayerFileSystem last_ ABSL_GUARDED_BY(mutex_);
  SingleRun run_{"statvfs"};  // last: what it runs uses the rest
};

}  // namespace crisp
