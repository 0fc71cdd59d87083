// ScratchCopy: a copy of a database file and its WAL on a file system that can be written. The destructor removes it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace crisp {

class ScratchCopy {
 public:
  // `path` must exist; its WAL, "<path>-wal", need not. Tries /dev/shm, /run and /tmp, in this order. Internal, with
  // the reason for each, if none of them can hold the copy.
  static absl::StatusOr<ScratchCopy> Make(const std::string& path);
  ScratchCopy(ScratchCopy&& other) noexcept;
  ScratchCopy& operator=(ScratchCopy&&) = delete;
  ~ScratchCopy();

  // Of the copied database.
  std::string path() const { return directory_ + "/crisp.db"; }

 private:
  explicit ScratchCopy(std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;  // empty after a move
};

}  // namespace crisp
